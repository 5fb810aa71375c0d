"""HDTF: full videos with annotation files, or cut clips.

Zhang, Li, Ding and Fan 2021. Groups RD, WDA, WRA; per group, space-separated: `<G>_video_url.txt` (`Name URL`),
`<G>_resolution.txt` (`Name.mp4 height`), `<G>_annotion_time.txt` (sic; `Name.mp4 MM:SS-MM:SS ...`), `<G>_crop_wh.txt`
(`Name_k.mp4 x w y h`, in this order). Clips are named `Radio11_0.mp4` by the authors and `RD_Radio11_000.mp4` by
the community. The files have defects (missing times and crops, heights of 0): each becomes a row or a note. Two groups may
name the same video: a file is the group's whose prefix or folder it has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    CropHint,
    DatasetFiles,
    LayoutProblem,
    SourceClip,
    is_video,
    stem_of,
)
from assets.raw_videos.layouts.splitting import splits_of_videos
from assets.raw_videos.walk import path_to_text, same_name

GROUPS = ("RD", "WDA", "WRA")
KINDS = ("video_url", "resolution", "annotion_time", "crop_wh", "crop_ratio")
ANNOTATION_NAMES = frozenset(f"{group}_{kind}.txt" for group in GROUPS for kind in KINDS)
EXPECTED = "Radio11.mp4 with RD_annotion_time.txt, or cut clips named Radio11_0.mp4 or RD_Radio11_000.mp4"
CUT_CLIP = re.compile(r"(?:(?P<group>RD|WDA|WRA)_)?(?P<name>.+)_(?P<number>\d{1,3})")
TIMES = re.compile(r"(?P<start>\d+(?::\d{1,2}){1,2})-(?P<end>\d+(?::\d{1,2}){1,2})")


@dataclass(frozen=True, kw_only=True)
class _Annotated:
    """What the annotation files state about one full video."""

    name: str
    group: str
    times: str | None
    num_lines: int
    height: int | None
    crops: dict[int, tuple[int, int, int, int]]

    def agrees(self, other: _Annotated) -> bool:
        """Whether another group states the same."""
        return (self.times, self.height, self.crops) == (other.times, other.height, other.crops)


def reads(path: str) -> bool:
    return is_video(path) or path.rsplit("/", 1)[-1] in ANNOTATION_NAMES


def fits(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in ANNOTATION_NAMES or CUT_CLIP.fullmatch(stem_of(path)) is not None


def enumerate_clips(files: DatasetFiles, options: LayoutOptions) -> list[SourceClip | LayoutProblem]:
    """One source a stated time span of a full video, one a cut clip."""
    annotated = _read_annotations(files)
    names: dict[str, str] = {}
    full: dict[str, _Annotated] = {}
    present: set[tuple[str, str]] = set()
    found: list[SourceClip | LayoutProblem] = []
    for path in files.videos():
        entries = _annotations_of(path, annotated)
        present |= {(entry.group, entry.name) for entry in entries}
        cut = CUT_CLIP.fullmatch(same_name(stem_of(path)))
        if entries and not all(entry.agrees(entries[0]) for entry in entries):
            found.append(_clash(path, entries))
        elif entries:
            full[path], names[path] = entries[0], same_name(entries[0].name)
        elif cut is not None:
            names[path] = cut["name"]
        else:
            detail = f"no annotation names it, and its name is not that of a cut clip; expected {EXPECTED}"
            found.append(LayoutProblem(relative_path=path, reason="no_annotation", detail=detail))
    speakers: dict[str, str | None] = {path: speaker_of(name) for path, name in names.items()}
    splits, speaker_disjoint = _splits(names, speakers, options)
    for path in names:
        base = SourceClip(
            relative_path=path,
            split=splits[path],
            speaker=speakers[path],
            speaker_disjoint=speaker_disjoint,
            cut="evenly",
        )
        found += _segments(base, full[path]) if path in full else [base]
    return found + _missing(annotated, present)


def _missing(
    annotated: Mapping[str, Sequence[_Annotated]], present: set[tuple[str, str]]
) -> list[LayoutProblem]:
    """One a video that annotations name and the folder lacks; under its group's prefix where two groups name it."""
    found = []
    for entries in annotated.values():
        for entry in entries:
            if (entry.group, entry.name) not in present:
                path = f"{entry.name}.mp4" if len(entries) == 1 else f"{entry.group}_{entry.name}.mp4"
                detail = f"the annotations of {entry.group} name it; there is no such video (dead links are common)"
                found.append(LayoutProblem(relative_path=path, reason="listed_but_missing", detail=detail))
    return found


def _clash(path: str, entries: Sequence[_Annotated]) -> LayoutProblem:
    groups = " and ".join(entry.group for entry in entries)
    detail = (
        f"{groups} both annotate {entries[0].name}, each otherwise, and neither the file's name nor its folder says whose it "
        f"is; name it {entries[0].group}_{entries[0].name} or {entries[1].group}_{entries[1].name}"
    )
    return LayoutProblem(relative_path=path, reason="in_two_groups", detail=detail)


def speaker_of(name: str) -> str:
    """The person: a video's name without the number of the video.

    >>> speaker_of("JeffMerkley0")
    'JeffMerkley'
    """
    return re.sub(r"\d+$", "", name) or name


def _splits(
    names: dict[str, str], speakers: dict[str, str | None], options: LayoutOptions
) -> tuple[dict[str, str], bool]:
    """Splits by person if there are enough, else by full video, so that its clips stay together."""
    splits, by_speaker = splits_of_videos(speakers, options)
    if by_speaker:
        return splits, True
    by_name, _ = splits_of_videos(dict.fromkeys(names.values()), options)
    return {path: by_name[name] for path, name in names.items()}, False


def _segments(base: SourceClip, full: _Annotated) -> list[SourceClip | LayoutProblem]:
    path = base.relative_path
    if not full.times:
        detail = f"{full.group}_annotion_time.txt states no times for it"
        return [LayoutProblem(relative_path=path, reason="no_times", detail=detail)]
    found: list[SourceClip | LayoutProblem] = []
    for number, text in enumerate(full.times.split()):
        match = TIMES.fullmatch(text)
        start_s, end_s = (_seconds(match["start"]), _seconds(match["end"])) if match else (0, 0)
        if end_s <= start_s:
            detail = f"{full.group}_annotion_time.txt states {text!r} for part {number}; expected MM:SS-MM:SS"
            found.append(LayoutProblem(relative_path=path, reason="bad_times", detail=detail))
            continue
        crop, note = _crop(full, number)
        if full.num_lines > 1:
            lines = f"{full.group}_annotion_time.txt states its times on {full.num_lines} lines; all count"
            note = f"{note}; {lines}" if note else lines
        found.append(
            SourceClip(
                relative_path=path,
                split=base.split,
                speaker=base.speaker,
                segment=(float(start_s), float(end_s)),
                segment_number=number,
                crop_hint=crop,
                speaker_disjoint=base.speaker_disjoint,
                cut=base.cut,
                note=note,
            )
        )
    return found


def _crop(full: _Annotated, number: int) -> tuple[CropHint | None, str | None]:
    if number not in full.crops:
        return (
            None,
            f"{full.group}_crop_wh.txt states no crop for {full.name}_{number}; the face is searched for",
        )
    if not full.height:
        return None, f"{full.group}_resolution.txt states no height for {full.name}; its crop is not used"
    x, width, y, height = full.crops[number]
    return CropHint(x=x, y=y, width=width, height=height, video_height=full.height), None


def _annotations_of(path: str, annotated: Mapping[str, Sequence[_Annotated]]) -> list[_Annotated]:
    """What is stated of a full video: by several groups, where neither a prefix nor a folder names one of them."""
    stem = same_name(stem_of(path))
    if stem in annotated:
        folders = path.split("/")[:-1]
        in_folder = [entry for entry in annotated[stem] if entry.group in folders]
        return in_folder or list(annotated[stem])
    prefixed = (
        entry
        for group in GROUPS
        for entry in annotated.get(stem.removeprefix(f"{group}_"), ())
        if stem.startswith(f"{group}_") and entry.group == group
    )
    return list(prefixed)


def _read_annotations(files: DatasetFiles) -> dict[str, list[_Annotated]]:
    """Name in one normal form of Unicode -> what each group that names it states."""
    found: dict[str, list[_Annotated]] = {}
    for group in GROUPS:
        tables = {kind: _table(files, f"{group}_{kind}.txt") for kind in KINDS}
        crops: dict[str, dict[int, tuple[int, int, int, int]]] = {}
        for clip, fields in tables["crop_wh"].items():
            match = CUT_CLIP.fullmatch(clip)
            if match and len(fields) >= 4 and all(field.isdecimal() for field in fields[:4]):
                x, width, y, height = (int(field) for field in fields[:4])
                crops.setdefault(match["name"], {})[int(match["number"])] = (x, width, y, height)
        times = _lines(files, f"{group}_annotion_time.txt")
        for name in {**tables["video_url"], **times}:
            stated = tables["resolution"].get(name, [""])[0]
            entry = _Annotated(
                name=name,
                group=group,
                times=_times(times.get(name, [])),
                num_lines=len(times.get(name, [])),
                height=int(stated) if stated.isdecimal() and int(stated) > 0 else None,
                crops=crops.get(name, {}),
            )
            found.setdefault(name, []).append(entry)
    return found


def _table(files: DatasetFiles, name: str) -> dict[str, list[str]]:
    """Rows of an annotation file: name without suffix -> the other fields; of several rows for one name the last."""
    return {row: lines[-1] for row, lines in _lines(files, name).items()}


def _lines(files: DatasetFiles, name: str) -> dict[str, list[list[str]]]:
    """Lines of an annotation file: first field without suffix, in one normal form of Unicode -> the other fields of each.

    It may lie anywhere below the root, and in parts: the lines of all files of this name count, equal ones once.
    """
    rows: dict[str, list[list[str]]] = {}
    for path in sorted(path for path in files.problems if path.rsplit("/", 1)[-1] == name):
        for line in (files.text(path) or "").splitlines():
            fields = line.split()
            if fields:
                key = same_name(path_to_text(stem_of(fields[0]) if is_video(fields[0]) else fields[0]))
                of_name = rows.setdefault(key, [])
                if (fields[1:] or [""]) not in of_name:
                    of_name.append(fields[1:] or [""])
    return rows


def _times(lines: list[list[str]]) -> str | None:
    """The time spans of all of a video's lines; a span that an earlier line states counts once."""
    spans: list[str] = []
    for line in lines:
        spans += [span for span in line if span not in spans] if spans else line
    return " ".join(spans) or None


def _seconds(text: str) -> int:
    """`MM:SS` or `H:MM:SS`."""
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total
