"""Any folder of videos, in any tree. The first folder on the path of a video names its speaker.

`splits.csv` at the root (columns `path`, `split`, and `speaker` if known) decides where it exists; else the split is
drawn by a seeded hash that keeps speakers apart. With columns `start_s` and `end_s` a row is a stretch of its video, in
seconds, and a video may have several that do not overlap. A `.txt` beside a video with the same stem is its transcript.
"""

from __future__ import annotations

import csv
import io
import math
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    SPLITS,
    VIDEO_SUFFIXES,
    DatasetFiles,
    LayoutError,
    LayoutProblem,
    SourceClip,
    is_video,
)
from assets.raw_videos.layouts.splitting import splits_of_videos
from assets.raw_videos.walk import path_to_text, same_name
from cals_models.terminal.printable import escaped

EXPECTED = f"videos ({' '.join(VIDEO_SUFFIXES)})"
SPLITS_NAME = "splits.csv"
MAX_TRANSCRIPT_CHARS = 10_000


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row of `splits.csv`; `stretch` in seconds, None for the whole video."""

    split: str
    speaker: str | None
    stretch: tuple[float, float] | None


def reads(path: str) -> bool:
    return is_video(path) or path.lower().endswith(".txt") or path == SPLITS_NAME


def fits(path: str) -> bool:
    return is_video(path)


def enumerate_clips(files: DatasetFiles, options: LayoutOptions) -> list[SourceClip | LayoutProblem]:
    """One source a video, or one a stretch of it."""
    videos = files.videos()
    speakers: dict[str, str | None] = {
        path: same_name(path.split("/", 1)[0]) if "/" in path else None for path in videos
    }
    table = files.text(SPLITS_NAME, errors="surrogateescape")  # names need not be UTF-8
    if table is None:
        splits, speaker_disjoint = splits_of_videos(speakers, options)
        return [_source(files, path, splits[path], speakers[path], speaker_disjoint) for path in videos]
    rows, found = _read_splits(files, table)
    rejected = {problem.relative_path for problem in found}
    for path in videos:
        if path in rows:
            found += _stretches(files, path, rows[path], speakers[path])
        elif path not in rejected:
            detail = f"{SPLITS_NAME} does not list it; add a row or remove that file"
            found.append(LayoutProblem(relative_path=path, reason="not_in_lists", detail=detail))
    return found


def _stretches(
    files: DatasetFiles, path: str, rows: list[_Row], speaker: str | None
) -> list[SourceClip | LayoutProblem]:
    """The sources of a listed video."""
    found: list[SourceClip | LayoutProblem] = []
    for number, row in enumerate(sorted(rows, key=lambda row: row.stretch or (0.0, 0.0))):
        source = _source(files, path, row.split, row.speaker or speaker, False)
        if row.stretch is not None:
            source = replace(source, segment=row.stretch, segment_number=number)
        found.append(source)
    return found


def _source(
    files: DatasetFiles, path: str, split: str, speaker: str | None, speaker_disjoint: bool
) -> SourceClip:
    stem = path.rsplit(".", 1)[0]
    text = files.text(f"{stem}.txt")
    transcript = " ".join(text.split())[:MAX_TRANSCRIPT_CHARS] if text else None
    return SourceClip(
        relative_path=path,
        split=split,
        speaker=speaker,
        transcript=transcript or None,
        speaker_disjoint=speaker_disjoint,
        cut="at_shots",
    )


def _read_splits(
    files: DatasetFiles, table: str
) -> tuple[dict[str, list[_Row]], list[SourceClip | LayoutProblem]]:
    """Rows of `splits.csv` by path, and problems: paths outside the root, unknown files, splits and times, duplicate rows."""
    where = files.root / SPLITS_NAME
    reader = csv.DictReader(io.StringIO(table, newline=""))
    if not {"path", "split"} <= set(reader.fieldnames or []):
        raise LayoutError(
            f"{where}: the first line is {reader.fieldnames}; it must name the columns path and split"
        )
    rows: dict[str, list[_Row]] = {}
    problems: list[SourceClip | LayoutProblem] = []

    def reject(path: str, reason: str, detail: str) -> None:
        problems.append(LayoutProblem(relative_path=path, reason=reason, detail=f"{SPLITS_NAME}: {detail}"))

    try:
        for row in reader:
            given, split = row["path"] or "", (row["split"] or "").strip().lower()
            listed = posixpath.normpath(given)
            path = files.find(listed) or files.find(_in_windows_1252(listed))
            if given.startswith("/") or listed == ".." or listed.startswith("../"):
                reject(path_to_text(given), "path_outside", "the path leads out of the dataset's folder")
            elif path is None or not is_video(path):
                reject(path or path_to_text(listed), *_why_no_video(files, listed))
            elif split not in SPLITS:
                reject(path, "unknown_split", f"split {split!r}; one of {', '.join(SPLITS)}")
            elif wrong := _add(rows.setdefault(path, []), split, row):
                reject(path, *wrong)
    except csv.Error as error:
        raise LayoutError(f"{where}: line {reader.line_num} is not CSV: {error}") from error
    return rows, problems


def _add(rows: list[_Row], split: str, row: Mapping[str, str | None]) -> tuple[str, str] | None:
    """Adds a row to those of its video; reason and detail where it can't be one of them."""
    start, end = ((row.get(name) or "").strip() for name in ("start_s", "end_s"))
    stretch = None
    if start or end:
        stretch = _seconds(start or "0"), _seconds(end)
        if not 0 <= stretch[0] < stretch[1]:
            return (
                "bad_times",
                f"start_s {start!r}, end_s {end!r}; expected seconds, the start before the end",
            )
    if any(_overlap(stretch, earlier.stretch) for earlier in rows):
        return "in_two_lists", "listed twice; the first row counts" if stretch is None else (
            f"start_s {start}, end_s {end}: overlaps an earlier row of this video, which counts"
        )
    rows.append(_Row(split=split, speaker=_speaker(row.get("speaker")), stretch=stretch))
    return None


def _seconds(text: str) -> float:
    """A number of seconds; NaN where it is none."""
    try:
        seconds = float(text)
    except ValueError:
        return math.nan
    return seconds if math.isfinite(seconds) else math.nan


def _overlap(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return one is None or other is None or (one[0] < other[1] and other[0] < one[1])


def _speaker(given: str | None) -> str | None:
    return escaped(same_name(_in_windows_1252(given or "").strip())) or None


def _in_windows_1252(text: str) -> str:
    """Text whose bytes that are not UTF-8 were kept as surrogates, as the text in Windows-1252 that it may be."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return text


def _why_no_video(files: DatasetFiles, listed: str) -> tuple[str, str]:
    """Reason and detail of a listed path that is none of the videos found."""
    if os.path.isfile(files.root / listed):
        return (
            "not_a_video_name",
            f"its name ends like no video; convert it, or rename it to one of {EXPECTED}",
        )
    return "listed_but_missing", "there is no such file"
