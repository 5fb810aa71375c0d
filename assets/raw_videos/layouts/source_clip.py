"""What a layout finds in a dataset's folder: clip sources and problems; or an error, if the folder does not fit."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from assets.raw_videos.walk import local_path, path_to_text, same_name

SPLITS = ("train", "val", "test")
VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".wmv", ".3gp",
    ".3g2", ".asf", ".divx", ".dv", ".f4v", ".h264", ".hevc", ".ivf", ".m1v", ".m2p", ".m2t", ".m2v", ".mj2", ".mpe",
    ".mpv", ".mxf", ".nut", ".ogg", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".tod", ".vob", ".vro", ".wtv",
)  # fmt: skip
# A larger text file is no transcript or list.
MAX_TEXT_BYTES = 64 << 20
# Text of which this share of every other byte is zero is UTF-16.
TEXT_START_BYTES = 1024
MOST_ZEROS = 0.4


class LayoutError(ValueError):
    """The folder does not exist, is empty, or is organised otherwise; the text says what would be right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CropHint:
    """Face region in the annotations, in pixels of a video of the stated height; invalid at other heights."""

    x: int
    y: int
    width: int
    height: int
    video_height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceClip:
    """A video, or an annotated part of one, that becomes one or more clips.

    Attributes:
        relative_path: below the root, text form (`assets.raw_videos.walk.local_path` gives the file).
        split: train, val or test.
        speaker: who speaks, or the programme where the layout names only that (LRS2); None if it names neither.
        transcript: what is said, None if the layout does not say.
        words: (start, end, word), seconds from the start of the file; None if the layout does not say.
        segment: (start, end) of the part, seconds; None for the whole file.
        segment_number: number of the part; None for the whole file.
        crop_hint: where the face is, None if the layout does not say.
        speaker_disjoint: whether no speaker may be in two splits.
        cut: whether a long source is cut further: `never`, `evenly` or `at_shots`.
        note: a defect of the annotations that does not reject the clip.
    """

    relative_path: str
    split: str
    speaker: str | None = None
    transcript: str | None = None
    words: tuple[tuple[float, float, str], ...] | None = None
    segment: tuple[float, float] | None = None
    segment_number: int | None = None
    crop_hint: CropHint | None = None
    speaker_disjoint: bool = False
    cut: str = "never"
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutProblem:
    """A file or list entry that gives no clip: reason code and one sentence."""

    relative_path: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class DatasetFiles:
    """The files below a dataset's root.

    Attributes:
        root: the folder.
        problems: relative path (text form) -> None, or why the file can't be read.
    """

    root: Path
    problems: Mapping[str, str | None]

    def __contains__(self, relative_path: str) -> bool:
        return relative_path in self.problems

    def find(self, relative_path: str) -> str | None:
        """The file that a list names by its path or its text form, in whichever normal form of Unicode; None if none is."""
        return self._present(path_to_text(relative_path)) or self._present(relative_path)

    def _present(self, text: str) -> str | None:
        return text if text in self.problems else self._by_same_name.get(same_name(text))

    @cached_property
    def _by_same_name(self) -> dict[str, str]:
        return {same_name(path): path for path in sorted(self.problems, reverse=True) if not path.isascii()}

    def videos(self) -> list[str]:
        """Paths with a video's suffix, problems included, sorted."""
        return sorted(path for path in self.problems if is_video(path))

    def text(self, relative_path: str, errors: str | None = None) -> str | None:
        """A text file's content (see ``decoded_text``); None if it is missing or unreadable.

        Args:
            relative_path: text form, in whichever normal form of Unicode.
            errors: what becomes of bytes that are not UTF-8, as in ``bytes.decode``; None reads them as Windows-1252.
        """
        present = self._present(relative_path)
        if present is None or self.problems[present] is not None:
            return None
        path = local_path(self.root, present)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_TEXT_BYTES + 1)
        except OSError:
            return None
        return decoded_text(data, errors) if len(data) <= MAX_TEXT_BYTES else None


def decoded_text(data: bytes, errors: str | None = None) -> str:
    r"""Text in UTF-8 or UTF-16, with or without a byte order mark, else in Windows-1252.

    Args:
        errors: what becomes of bytes that are not UTF-8, as in ``bytes.decode``, in place of Windows-1252.

    >>> decoded_text("a.mp4\n".encode("utf-16"))
    'a.mp4\n'
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    start = data[:TEXT_START_BYTES]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = start[first::2]
        if zeros and zeros.count(0) > MOST_ZEROS * len(zeros):  # Latin letters have a zero byte there
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("utf-8-sig", errors) if errors else data.decode("cp1252", "replace")


def is_video(path: str) -> bool:
    return path.lower().endswith(VIDEO_SUFFIXES)


def stem_of(path: str) -> str:
    """File name without folder and suffix.

    >>> stem_of("s1/bbaf2n.mpg")
    'bbaf2n'
    """
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] if "." in name[1:] else name


def suffix_of(path: str) -> str:
    """Suffix of a file name in lower case, without the dot; empty where there is none.

    >>> suffix_of("s1/bbaf2n.MPG")
    'mpg'
    """
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""


def not_in_layout(path: str, expected: str) -> LayoutProblem:
    return LayoutProblem(relative_path=path, reason="not_in_layout", detail=f"expected {expected}")
