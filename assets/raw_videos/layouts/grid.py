"""GRID: `s<k>/*.mpg` and word alignments in `align/`.

Cooke, Barker, Cunningham and Shao 2006. 360x288, 25 fps, 75 frames; an alignment's rows are `start end word` in units
of 1/25000 s. Alignments are found beside the video, in its speaker's `align/`, in `align/s<k>/`, and in one
`align/` for all where there is one speaker.
"""

from __future__ import annotations

import re

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    DatasetFiles,
    LayoutProblem,
    SourceClip,
    is_video,
    not_in_layout,
    stem_of,
)
from assets.raw_videos.layouts.splitting import splits_of_videos

EXPECTED = "s<k>/<sentence>.mpg, such as s1/bbaf2n.mpg"
PATTERN = re.compile(
    r"(?:.*/)?(?P<speaker>s\d{1,2})/(?:.*/)?[^/]+\.(?:mpg|mpeg|mp4|avi|mov|mkv)", re.IGNORECASE
)
UNITS_PER_S = 25_000
SILENCES = ("sil", "sp")
# Sentences have a fixed grammar, which the file name spells: command, colour, preposition, letter, digit, adverb.
GRAMMAR = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},
    {
        "z": "zero",
        "1": "one",
        "2": "two",
        "3": "three",
        "4": "four",
        "5": "five",
        "6": "six",
        "7": "seven",
        "8": "eight",
        "9": "nine",
    },
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)

Words = tuple[tuple[float, float, str], ...]


def reads(path: str) -> bool:
    return is_video(path) or path.lower().endswith(".align")


def fits(path: str) -> bool:
    return PATTERN.fullmatch(path) is not None


def enumerate_clips(files: DatasetFiles, options: LayoutOptions) -> list[SourceClip | LayoutProblem]:
    """One source a video. Several speakers are kept in separate splits; one speaker is split by sentence."""
    found: list[SourceClip | LayoutProblem] = []
    speakers: dict[str, str | None] = {}
    for path in files.videos():
        match = PATTERN.fullmatch(path)
        if match is None:
            found.append(not_in_layout(path, EXPECTED))
        else:
            speakers[path] = match["speaker"].lower()
    splits, speaker_disjoint = splits_of_videos(speakers, options)
    one_speaker = len(set(speakers.values())) == 1
    for path, speaker in speakers.items():
        assert speaker is not None
        words, note = _words(files, path, speaker, one_speaker)
        found.append(
            SourceClip(
                relative_path=path,
                split=splits[path],
                speaker=speaker,
                transcript=" ".join(word for _, _, word in words) if words else sentence_of(stem_of(path)),
                words=words,
                speaker_disjoint=speaker_disjoint,
                note=note,
            )
        )
    return found


def sentence_of(name: str) -> str | None:
    """The sentence that a file name spells, None if it spells none.

    >>> sentence_of("bbaf2n")
    'bin blue at f two now'
    """
    if len(name) != len(GRAMMAR) or any(
        letter not in words for letter, words in zip(name, GRAMMAR, strict=True)
    ):
        return None
    return " ".join(words[letter] for letter, words in zip(name, GRAMMAR, strict=True))


def read_alignment(text: str) -> Words | None:
    """Words of an alignment with times in seconds, without pauses. None if a row is not `start end word`.

    >>> read_alignment("0 23750 sil\\n23750 29500 bin\\n")
    ((0.95, 1.18, 'bin'),)
    """
    words = []
    for line in text.splitlines():
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or not (fields[0].isdecimal() and fields[1].isdecimal()):
            return None
        if fields[2] not in SILENCES:
            words.append((int(fields[0]) / UNITS_PER_S, int(fields[1]) / UNITS_PER_S, fields[2]))
    return tuple(words)


def _words(
    files: DatasetFiles, path: str, speaker: str, one_speaker: bool
) -> tuple[Words | None, str | None]:
    folder = path.rsplit("/", 1)[0]
    match = PATTERN.fullmatch(path)
    assert match is not None
    base = path[: match.end("speaker")]
    above = path[: match.start("speaker")]
    name = f"{stem_of(path)}.align"
    places = [f"{folder}/{name}", f"{base}/align/{name}", f"{above}align/{speaker}/{name}"]
    if one_speaker:
        places.append(f"{above}align/{name}")
    for place in places:
        text = files.text(place)
        if text is not None:
            words = read_alignment(text)
            return words, None if words else f"{place} is not an alignment (rows: start end word); not used"
    return None, None
