"""`av_offsets`: by how many video frames a clip's audio was early or late, before and after its correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import (
    CROPS_COLUMNS,
    MELS_COLUMNS,
    TimedClip,
    shift_clip,
    timed_clip,
    with_track,
)
from assets.workers.rejected import Rejected, fault_of_no_clip
from cals_models.digests import digest_of

STAGE = "av_offsets"
OFFSETS_SCHEMA = pa.schema(
    [
        pa.field(
            "measured_frames",
            pa.float32(),
            metadata={"about": "offset found, in quarters of a video frame; positive: audio early"},
        ),
        pa.field(
            "confidence", pa.float32(), metadata={"about": "confidence of that offset, in the probe's unit"}
        ),
        pa.field(
            "applied_frames", pa.float32(), metadata={"about": "delay applied to the audio, in video frames"}
        ),
        pa.field("remeasured_frames", pa.float32(), metadata={"about": "offset found after the correction"}),
        pa.field("remeasured_confidence", pa.float32(), metadata={"about": "confidence of that offset"}),
        pa.field("offset_status", pa.string(), metadata={"about": "one of STATUSES"}),
        pa.field("probe", pa.string(), metadata={"about": "kind of probe"}),
        pa.field("probe_digest", pa.string(), metadata={"about": "sha256 of its weights"}),
        pa.field(
            "audio_stream",
            pa.int32(),
            metadata={
                "about": "index of the audio stream that the lips go with, in place of the main one; else null"
            },
        ),
        pa.field("audio_stream_why", pa.string(), metadata={"about": "of several audio streams, why it"}),
    ]
)
SURE = ("in sync", "corrected")
STATUSES = {
    "not measured": "there was no probe; nothing was shifted",
    "in sync": "the probe is sure that the offset is 0, to the nearest 10 ms",
    "corrected": "the probe is sure of an offset, and the audio was shifted by it",
    "uncertain": "the probe is not sure; nothing was shifted",
    "too short": "the clip is too short for the probe; nothing was shifted",
}


@dataclass(frozen=True, kw_only=True)
class OffsetPayload:
    """What a worker needs to know of a clip.

    Args:
        clip_id: the clip.
        crops_file, mels_file: bucket files that hold its rows.
        probe: measures the offset; None measures nothing.
        settings: of this stage.
    """

    clip_id: str
    crops_file: Path
    mels_file: Path
    probe: ProbeSource | None
    settings: AvOffsetSettings


def compute_offset(
    payload: OffsetPayload, wanted: frozenset[str]
) -> Mapping[str, Mapping[str, Any] | Rejected]:
    """Work of one clip in a worker process: the columns of `OFFSETS_SCHEMA` and their digest."""
    assert wanted == {STAGE}, wanted
    if payload.probe is None:
        return {STAGE: _columns("not measured", None)}
    crops = read_row(payload.crops_file, payload.clip_id, CROPS_COLUMNS)
    mels = read_row(payload.mels_file, payload.clip_id, MELS_COLUMNS)
    return {STAGE: measure_tracks(crops, mels, payload.probe, payload.settings)}


def measure_tracks(
    crops: Mapping[str, Any], mels: Mapping[str, Any], source: ProbeSource, settings: AvOffsetSettings
) -> dict[str, Any]:
    """Columns of a clip with the audio stream that its lips go with: of those of which the probe is sure, the surest.

    Where it is sure of none, and of files with one audio stream, that is the main one.
    """
    streams = [None, *(track["audio_stream"] for track in mels["other_tracks"] or ())]
    measured = {
        stream: measure_clip(timed_clip(crops, with_track(mels, stream)), source, settings)
        for stream in streams
    }
    if len(streams) == 1:
        return measured[None]
    sure = [stream for stream in streams if measured[stream]["offset_status"] in SURE]
    best = max(sure, key=lambda stream: measured[stream]["confidence"], default=None)
    columns = measured[best]
    if best is not None:
        columns["digest"] = digest_of(columns["digest"], best)
    of = f"of {len(streams)} audio streams"
    why = f"{of} none surely goes with the lips: the main one is kept"
    if sure:
        main = measured[None]["confidence"]
        which = "the main one" if best is None else f"stream {best}, not the main one ({main})"
        why = f"{of} the lips go most surely with {which}: confidence {columns['confidence']}"
    return columns | {"audio_stream": best, "audio_stream_why": why}


def measure_clip(clip: TimedClip, source: ProbeSource, settings: AvOffsetSettings) -> dict[str, Any]:
    """Columns of a clip: its offset, and where the probe is sure, the offset of the corrected clip."""
    from assets.av_offsets.probes import open_probe

    with fault_of_no_clip("the offset probe can't be opened"):
        probe = open_probe(source)
    found = probe.measure(clip, settings)
    if found is None:
        return _columns("too short", source)
    measured = {"measured_frames": found.frames, "confidence": round(found.confidence, 4)}
    if not found.is_sure:
        return _columns("uncertain", source, **measured)
    if found.frames == 0:
        return _columns("in sync", source, **measured)
    again = probe.measure(shift_clip(clip, found.frames), settings)
    if again is None:
        return _columns("too short", source, **measured)
    return _columns(
        "corrected",
        source,
        **measured,
        applied_frames=found.frames,
        remeasured_frames=again.frames,
        remeasured_confidence=round(again.confidence, 4),
    )


def read_row(path: Path, clip_id: str, columns: Sequence[str]) -> dict[str, Any]:
    """One clip's row of a bucket file; only the row groups that can hold it are read.

    Raises:
        ValueError: the file has no such row.
    """
    table = pq.read_table(path, columns=["clip_id", *columns], filters=[("clip_id", "==", clip_id)])
    if table.num_rows != 1:
        raise ValueError(f"{path}: {table.num_rows} rows of clip {clip_id!r}; expected one")
    row: dict[str, Any] = table.to_pylist()[0]
    return row


def _columns(status: str, source: ProbeSource | None, **values: float | int) -> dict[str, Any]:
    assert status in STATUSES, status
    columns: dict[str, Any] = dict.fromkeys(OFFSETS_SCHEMA.names)
    columns |= {"applied_frames": 0.0, "offset_status": status, **values}
    digest = digest_of(columns)
    if source is not None:
        columns |= {"probe": source.kind, "probe_digest": source.digest}
    return columns | {"digest": digest}
