"""The rows of one source file: its accepted clips, or why it gives none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.clips.settings import ClipsSettings, probe_limits
from assets.clips.shots import Piece, cut_at_shots, cut_evenly, find_shots
from assets.media.probe import Probe, probe
from assets.media.timeline import Span, common_span
from assets.raw_videos.layouts.source_clip import SPLITS, LayoutProblem, SourceClip
from assets.raw_videos.walk import local_path
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS

STAGE = "clips"
WORD = pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), ("word", pa.string())])
CROP = pa.struct([(name, pa.int32()) for name in ("x", "y", "width", "height")])
SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("relative_path", pa.string()),
        ("sha256", pa.string()),
        ("speaker", pa.string()),
        ("speaker_disjoint", pa.bool_()),
        ("transcript", pa.string()),
        ("words", pa.list_(WORD)),  # seconds after the clip's start
        ("crop_hint", CROP),  # pixels of the upright frame
        (
            "start_s",
            pa.float64(),
        ),  # the part of the file that the layout or the cutting names; null for all of it
        ("end_s", pa.float64()),
        ("fps", pa.float64()),  # of the source
        ("num_frames_25", pa.int32()),
        ("width", pa.int32()),  # upright
        ("height", pa.int32()),
        ("rotation", pa.int32()),  # clockwise degrees
        ("frame_changes", pa.string()),  # what was done to the stored frames for display; null if nothing
        ("container", pa.string()),
        ("video_codec", pa.string()),
        ("audio_codec", pa.string()),
        ("sample_rate_hz", pa.int32()),
        ("channels", pa.int32()),
        ("audio_stream", pa.int32()),  # index in the file
        ("audio_stream_why", pa.string()),  # why this one of several; null where there is one
        ("video_start_s", pa.float64()),  # container time
        ("audio_start_s", pa.float64()),
        ("common_start_s", pa.float64()),  # container time of frame 0; frame k is at common_start_s + k / 25
        ("common_end_s", pa.float64()),
        ("trimmed_s", pa.float64()),  # video or audio without the other, left out
        ("note", pa.string()),
        ("status", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
ClipRow = dict[str, Any]
# Columns that a source's path and its entry in a list decide, not its content.
SOURCE_NAMES = ("split", "relative_path", "speaker", "speaker_disjoint", "transcript")
NAMES = ("dataset", "sha256", *SOURCE_NAMES)


@dataclass(frozen=True, kw_only=True)
class RawSource:
    """A clip source with what identifies it: its dataset, the dataset's root and the file's content hash.

    Attributes:
        sha256: None if the file could not be hashed.
    """

    dataset: str
    root: str
    source: SourceClip
    sha256: str | None


def source_rows(raw: RawSource, settings: ClipsSettings) -> list[ClipRow]:
    """The clips of a source: at least one row, accepted or rejected. A bad file is a row, not an error."""
    path = local_path(Path(raw.root), raw.source.relative_path)
    try:
        found = probe(path, probe_limits(settings), stage=STAGE)
        return _rows(raw, found, settings)
    except Rejected as rejected:
        return [_rejected(_base_row(raw, _suffix(raw.source)), rejected)]


def problem_rows(dataset: str, problems: Iterable[LayoutProblem], hashes: Mapping[str, str]) -> list[ClipRow]:
    """Rejected rows of the layout's problems; several of one kind for a file become one row."""
    merged: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        merged.setdefault((problem.relative_path, problem.reason), []).append(problem.detail)
    rows = []
    for (path, reason), details in merged.items():
        row = _empty_row() | {
            "clip_id": f"{dataset}/unsplit/{path}!{reason}",
            "dataset": dataset,
            "relative_path": path,
            "sha256": hashes.get(path),
        }
        rows.append(_rejected(row, Rejected(STAGE, reason, "; ".join(details))))
    return rows


def _same_moments(row: ClipRow, copies: Mapping[tuple[str, str], list[ClipRow]]) -> ClipRow | None:
    """A clip with the same moments in a split that goes before the row's: test, then val."""
    before = SPLITS[SPLITS.index(row["split"]) + 1 :]
    same = (other for split in before[::-1] for other in copies.get((row["sha256"], split), ()))
    return next((other for other in same if _overlap(row, other)), None)


def _overlap(one: ClipRow, other: ClipRow) -> bool:
    """Whether two clips of the same bytes share a moment; without bounds a clip is all of its file."""
    ends = [math.inf if row["end_s"] is None else row["end_s"] for row in (one, other)]
    starts = [row["start_s"] or 0.0 for row in (one, other)]
    return bool(starts[0] < ends[1] and starts[1] < ends[0])


def sources_by_split(rows: list[ClipRow]) -> Iterator[tuple[str, str]]:
    """Digest of the raw file and split of each clip; stretches of a file that share no moment with another split's count
    as files of their own."""
    by_file: dict[str, list[ClipRow]] = {}
    for row in rows:
        by_file.setdefault(row["sha256"], []).append(row)
    for digest, clips in by_file.items():
        for clip in clips:
            others = (other for other in clips if other["split"] != clip["split"])
            is_apart = clip["end_s"] is not None and not any(_overlap(clip, other) for other in others)
            yield f"{digest} from {clip['start_s']:g} s" if is_apart else digest, clip["split"]


def reject_duplicates(rows: list[ClipRow]) -> list[ClipRow]:
    """Rejects the same moments of the same bytes in other splits: those of test stay, else those of val.

    Thus published test sets stay complete and training never sees them. Copies within a split stay clips of their own, and
    so do stretches of one file that do not overlap.
    """
    copies: dict[tuple[str, str], list[ClipRow]] = {}
    for row in rows:
        if row["status"] == "ok" and row["sha256"]:
            copies.setdefault((row["sha256"], row["split"]), []).append(row)
    checked = []
    for row in rows:
        other = _same_moments(row, copies) if row["status"] == "ok" else None
        if other is not None:
            detail = f"the same bytes are {other['relative_path']} of the {other['split']} split, which stays"
            row = _rejected(row, Rejected(STAGE, "duplicate_across_splits", detail))
        checked.append(row)
    return checked


def _rows(raw: RawSource, found: Probe, settings: ClipsSettings) -> list[ClipRow]:
    source = raw.source
    start_s, end_s = source.segment or (None, None)
    span = common_span(found, start_s=start_s, end_s=end_s, stage=STAGE)
    _check_words(source, found, settings)
    if source.cut == "never" or span.num_frames <= settings.max_segment_s * FPS:
        row = _clip_row(raw, found, span, _suffix(source))
        return [row | {"start_s": start_s, "end_s": end_s}]
    rows = []
    for number, piece in enumerate(_pieces(source, found, span, settings)):
        suffix = f"{_suffix(source)}.{number}" if source.segment_number is not None else f"#{number}"
        rows.append(_piece_row(raw, found, piece, suffix, settings))
    return rows


def _pieces(source: SourceClip, found: Probe, span: Span, settings: ClipsSettings) -> list[Piece]:
    lengths = {"min_s": settings.min_segment_s, "max_s": settings.max_segment_s}
    if source.cut == "evenly":
        return cut_evenly(span.start_s, span.end_s, **lengths)
    shots = find_shots(
        found, threshold=settings.shot_threshold, min_change=settings.shot_min_change, stage=STAGE
    )
    return cut_at_shots(span, shots, **lengths)


def _piece_row(raw: RawSource, found: Probe, piece: Piece, suffix: str, settings: ClipsSettings) -> ClipRow:
    bounds = {"start_s": piece.start_s, "end_s": piece.end_s}
    if not piece.long_enough:
        detail = f"{piece.end_s - piece.start_s:.2f} s; at least {settings.min_segment_s:g} s"
        return _rejected(_base_row(raw, suffix) | bounds, Rejected(STAGE, "short_shot", detail))
    span = common_span(found, start_s=piece.start_s, end_s=piece.end_s, stage=STAGE)
    return _clip_row(raw, found, span, suffix) | bounds


def _clip_row(raw: RawSource, found: Probe, span: Span, suffix: str) -> ClipRow:
    video, audio = found.video, found.audio
    crop, note = _crop_hint(raw.source, found)
    words = _words(raw.source, span)
    whole = _is_whole(raw, suffix)
    return _base_row(raw, suffix) | {
        "transcript": raw.source.transcript if whole else _joined(words),
        "words": words,
        "crop_hint": crop,
        "fps": video.average_fps,
        "num_frames_25": span.num_frames,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "frame_changes": video.display.changes(),
        "container": found.container,
        "video_codec": video.codec,
        "audio_codec": audio.codec,
        "sample_rate_hz": audio.sample_rate_hz,
        "channels": audio.channels,
        "audio_stream": audio.index,
        "audio_stream_why": audio.why,
        "video_start_s": video.start_s,
        "audio_start_s": audio.start_s,
        "common_start_s": span.start_s,
        "common_end_s": span.end_s,
        "trimmed_s": span.trimmed_s,
        "note": "; ".join(filter(None, [raw.source.note, note])) or None,
        "status": "ok",
    }


def without_names(row: ClipRow, raw: RawSource) -> ClipRow:
    """A source's row without what its path and its list entry say: it stays the same when the file is renamed.

    Of the clip id only what follows the path is left.
    """
    part = str(row["clip_id"]).removeprefix(_first_part(raw))
    is_own = not _has_source_transcript(row, raw, part)
    names = [name for name in NAMES if not (is_own and name == "transcript")]
    return row | dict.fromkeys(names) | {"clip_id": part}


def with_names(row: ClipRow, raw: RawSource) -> ClipRow:
    """The row that ``without_names`` was given, under the source's present names."""
    part, source = str(row["clip_id"]), raw.source
    own = {name: getattr(source, name) for name in SOURCE_NAMES}
    if not _has_source_transcript(row, raw, part):
        del own["transcript"]
    return row | own | {"clip_id": f"{_first_part(raw)}{part}", "dataset": raw.dataset, "sha256": raw.sha256}


def _has_source_transcript(row: ClipRow, raw: RawSource, part: str) -> bool:
    """Whether the row repeats the source's transcript; that of a piece is the words in it."""
    return row["status"] != "ok" or _is_whole(raw, part)


def _is_whole(raw: RawSource, part: str) -> bool:
    return raw.source.segment is None and "#" not in part


def _first_part(raw: RawSource) -> str:
    return f"{raw.dataset}/{raw.source.split}/{raw.source.relative_path}"


def _base_row(raw: RawSource, suffix: str) -> ClipRow:
    source = raw.source
    start_s, end_s = source.segment or (None, None)
    return _empty_row() | {
        "clip_id": f"{_first_part(raw)}{suffix}",
        "dataset": raw.dataset,
        "split": source.split,
        "relative_path": source.relative_path,
        "sha256": raw.sha256,
        "speaker": source.speaker,
        "speaker_disjoint": source.speaker_disjoint,
        "transcript": source.transcript,
        "start_s": start_s,
        "end_s": end_s,
        "note": source.note,
    }


def _empty_row() -> ClipRow:
    return dict.fromkeys(SCHEMA.names)


def _rejected(row: ClipRow, rejected: Rejected) -> ClipRow:
    return row | {
        "status": "rejected",
        "stage": rejected.stage,
        "reason": rejected.reason,
        "detail": rejected.detail,
    }


def _suffix(source: SourceClip) -> str:
    return "" if source.segment_number is None else f"#{source.segment_number}"


def _check_words(source: SourceClip, found: Probe, settings: ClipsSettings) -> None:
    """Rejects a file whose stated words reach beyond its end: a cut that some containers do not show."""
    end_s = min(found.video.end_s, found.audio.end_s)
    last_s = max((word_end for _, word_end, _ in source.words or ()), default=0.0)
    if last_s > end_s + settings.max_words_beyond_s:
        raise Rejected(
            STAGE,
            "damaged",
            f"the stated words last until {last_s:.2f} s, video and audio until {end_s:.2f} s",
        )


def _words(source: SourceClip, span: Span) -> list[dict[str, Any]] | None:
    """Words whose middle lies in the span, in seconds after its start."""
    if source.words is None:
        return None
    return [
        {
            "start_s": max(start - span.start_s, 0.0),
            "end_s": min(end, span.end_s) - span.start_s,
            "word": word,
        }
        for start, end, word in source.words
        if span.start_s < (start + end) / 2 < span.end_s
    ]


def _joined(words: list[dict[str, Any]] | None) -> str | None:
    return " ".join(word["word"] for word in words) if words else None


def _crop_hint(source: SourceClip, found: Probe) -> tuple[dict[str, int] | None, str | None]:
    """The stated crop where it is valid: at the stated height and inside the frame; and a note where it is not."""
    hint = source.crop_hint
    if hint is None:
        return None, None
    if hint.video_height != found.video.height:
        return (
            None,
            f"the stated crop is for {hint.video_height} lines, the video has {found.video.height}: not used",
        )
    if hint.x + hint.width > found.video.width or hint.y + hint.height > found.video.height:
        return None, "the stated crop leaves the frame: not used"
    return {"x": hint.x, "y": hint.y, "width": hint.width, "height": hint.height}, None
