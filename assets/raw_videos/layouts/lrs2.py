"""LRS2: `mvlrs_v1/{main,pretrain}/<id>/NNNNN.mp4` with `.txt`, and lists that name the splits.

Son Chung, Senior, Vinyals and Zisserman 2017. `train.txt`, `val.txt` and `test.txt` list clips of `main`, `pretrain.txt`
those of `pretrain`; the first field of a line is `<id>/NNNNN` (a test line carries a second one, such as `NF`).
Training on `main` alone is the convention; `use_pretrain` adds the other part. Speakers are not named; the `<id>` stands in for them: the
programme that a clip is cut from, mostly but not always one person.
"""

from __future__ import annotations

import re

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import DatasetFiles, LayoutProblem, SourceClip, is_video
from assets.raw_videos.walk import path_to_text, same_name

EXPECTED = "mvlrs_v1/{main,pretrain}/<id>/NNNNN.mp4, listed in train.txt, val.txt, test.txt or pretrain.txt"
LISTS = (("test", "main"), ("val", "main"), ("train", "main"), ("pretrain", "pretrain"))
PATTERN = re.compile(r"(?P<base>(?:.*/)?)(?P<part>main|pretrain)/(?P<name>[^/]+/[^/]+)\.mp4", re.IGNORECASE)


def reads(path: str) -> bool:
    return is_video(path) or path.lower().endswith(".txt")


def fits(path: str) -> bool:
    return PATTERN.fullmatch(path) is not None


def enumerate_clips(files: DatasetFiles, options: LayoutOptions) -> list[SourceClip | LayoutProblem]:
    """One source a listed video; listed videos that are missing and videos in no list are problems."""
    videos = files.videos()
    names = {path: _name_of(path) for path in videos}
    by_name: dict[tuple[str, str], str] = {}
    for path, key in names.items():
        if key is not None:
            by_name.setdefault(key, path)
    found: list[SourceClip | LayoutProblem] = []
    taken: dict[str, str] = {}
    for list_name, part in LISTS:
        for name in _listed(files, list_name):
            path = by_name.get((part, name), "")
            if not path:
                found.append(_missing(f"{part}/{name}.mp4", list_name))
            elif path in taken:
                if taken[path] != list_name:
                    detail = f"listed in {taken[path]}.txt and {list_name}.txt; the first counts"
                    found.append(LayoutProblem(relative_path=path, reason="in_two_lists", detail=detail))
            else:
                taken[path] = list_name
                found.append(_source(files, path, list_name, options))
    for path, key in names.items():
        if path in taken:
            continue
        first = by_name[key] if key is not None else path
        if first in taken:
            detail = f"{taken[first]}.txt lists its name, which {first} has too, and that counts; remove one of them"
            found.append(LayoutProblem(relative_path=path, reason="in_two_places", detail=detail))
        else:
            detail = f"in none of train.txt, val.txt, test.txt, pretrain.txt; expected {EXPECTED}"
            found.append(LayoutProblem(relative_path=path, reason="not_in_lists", detail=detail))
    return found


def _name_of(path: str) -> tuple[str, str] | None:
    """Part and name, in one normal form of Unicode; None for a video that no list can name."""
    match = PATTERN.fullmatch(path)
    return None if match is None else (match["part"].lower(), same_name(match["name"]))


def _listed(files: DatasetFiles, name: str) -> list[str]:
    """First fields of a list, which lies at the root or in `mvlrs_v1/`."""
    for folder in ("", "mvlrs_v1/"):
        text = files.text(f"{folder}{name}.txt")
        if text is not None:
            names = (line.split()[0].removesuffix(".mp4") for line in text.splitlines() if line.strip())
            return [same_name(path_to_text(name)) for name in names]
    return []


def _missing(path: str, list_name: str) -> LayoutProblem:
    return LayoutProblem(
        relative_path=path,
        reason="listed_but_missing",
        detail=f"{list_name}.txt lists it; there is no such file",
    )


def _source(
    files: DatasetFiles, path: str, list_name: str, options: LayoutOptions
) -> SourceClip | LayoutProblem:
    if list_name == "pretrain" and not options.use_pretrain:
        return LayoutProblem(
            relative_path=path,
            reason="part_not_used",
            detail="a clip of pretrain; set use_pretrain to train on it too",
        )
    transcript, words = read_transcript(files.text(path[: -len(".mp4")] + ".txt") or "")
    split = "train" if list_name == "pretrain" else list_name
    speaker = same_name(path.split("/")[-2])
    return SourceClip(relative_path=path, split=split, speaker=speaker, transcript=transcript, words=words)


def read_transcript(text: str) -> tuple[str | None, tuple[tuple[float, float, str], ...] | None]:
    """`Text:` line, and the table `WORD START END ASDSCORE` where there is one (pretrain).

    >>> read_transcript("Text:  HELLO YOU\\nConf:  4\\n\\nWORD START END ASDSCORE\\nHELLO 0.1 0.4 2.0\\n")
    ('HELLO YOU', ((0.1, 0.4, 'HELLO'),))
    """
    transcript = None
    words: list[tuple[float, float, str]] | None = None
    for line in text.splitlines():
        fields = line.split()
        if line.startswith("Text:"):
            transcript = " ".join(fields[1:])
        elif fields[:3] == ["WORD", "START", "END"]:
            words = []
        elif words is not None and len(fields) >= 3:
            try:
                words.append((float(fields[1]), float(fields[2]), fields[0]))
            except ValueError:
                continue
    return transcript, None if words is None else tuple(words)
