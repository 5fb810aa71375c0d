"""One clip as a shard sample: the five members, from the rows of crops, mels and offsets."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from assets.av_offsets.timed_clip import TimedClip, audio_start_frames, shift_clip
from cals_models.timebase import FPS, SAMPLE_RATE_HZ

OFFSET_COLUMNS = (
    "measured_frames",
    "confidence",
    "applied_frames",
    "remeasured_frames",
    "offset_status",
    "audio_stream",
)


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """What a shard sample repeats from the inventory.

    Args:
        source_path: path of the video below the dataset's root.
        source_sha256: digest of the video's bytes.
        labels: timed labels by kind on the clip's own time axis, e.g. {"words": ((0.1, 0.5, "bin"),)} with
            start and end in seconds.
    """

    clip_id: str
    dataset: str
    split: str
    speaker: str | None
    transcript: str | None
    source_path: str
    source_sha256: str
    labels: Mapping[str, tuple[tuple[float, float, str], ...]] = field(default_factory=dict)


def encode_sample(
    facts: ClipFacts,
    clip: TimedClip,
    offset: Mapping[str, Any],
    *,
    first_frame: int,
    settings_digest: str,
    flac_compression: float,
) -> dict[str, bytes]:
    """Members of a sample by extension, its A/V offset corrected; the same bytes for the same input.

    Args:
        facts: of the inventory.
        clip: crops and audio before the correction.
        offset: the clip's row of `av_offsets`.
        first_frame: frame of the clip in which the crops start; the labels count from the clip's beginning.
        settings_digest: of all stages that produced the data; repeated in the json.
        flac_compression: 0 (fast) to 1 (small).
    """
    applied = float(offset["applied_frames"])
    corrected = shift_clip(clip, applied)
    meta = {
        "clip_id": facts.clip_id,
        "dataset": facts.dataset,
        "split": facts.split,
        "speaker": facts.speaker,
        "transcript": facts.transcript,
        "source": {"path": facts.source_path, "sha256": facts.source_sha256},
        "fps": FPS,
        "num_frames": corrected.num_frames,
        "jpeg_offsets": corrected.jpeg_offsets.tolist(),
        "valid": "".join("1" if seen else "0" for seen in corrected.valid),
        "boxes": [[round(float(edge), 2) for edge in box] for box in corrected.boxes],
        "av_offset": {
            "applied_frames": applied,
            "measured_frames": offset["measured_frames"],
            "confidence": offset["confidence"],
            "status": offset["offset_status"],
        },
        "settings_digest": settings_digest,
    }
    for kind, rows in facts.labels.items():
        meta[kind] = moved_labels(rows, first_frame + audio_start_frames(applied), corrected.num_frames)
    text = json.dumps(meta, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {
        "flac": _flac(corrected.pcm, flac_compression),
        "json": text.encode("ascii"),
        "landmarks.npy": _npy(corrected.landmarks),
        "mel.npy": _npy(corrected.mel),
        "mjpeg": corrected.mjpeg,
    }


def moved_labels(
    rows: tuple[tuple[float, float, str], ...], first_frame: float, num_frames: int
) -> list[list[float | str]]:
    """Timed labels on the time axis of the corrected clip, cut to its length.

    Args:
        rows: start and end in seconds of the whole clip, and label.
        first_frame: video frame of the whole clip at which the corrected clip's audio begins.
        num_frames: of the corrected clip.
    """
    begin_s, length_s = first_frame / FPS, num_frames / FPS
    moved = ((max(start - begin_s, 0.0), min(end - begin_s, length_s), label) for start, end, label in rows)
    return [[round(start, 4), round(end, 4), label] for start, end, label in moved if start < end]


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _flac(pcm: npt.NDArray[np.int16], compression: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(
        buffer, pcm, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=compression
    )
    return buffer.getvalue()
