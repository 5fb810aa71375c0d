"""Small shard sets for tests: clips of moving patterns with a tone, through the real shard writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.faces.packed_jpegs import pack_jpegs
from assets.mels.mel_clip import OTHER_TRACKS
from assets.shards.manifest import Manifest, write_manifest
from assets.shards.sample import ClipFacts
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, BucketShards, write_bucket
from assets.store.bucket_files import KEY_FIELDS, bucket_of, write_rows

SCHEMAS = {
    "face_crops": {
        "num_frames": pa.int64(),
        "first_frame": pa.int64(),
        "num_clip_frames": pa.int64(),
        "mjpeg": pa.binary(),
        "jpeg_offsets": pa.binary(),
        "landmarks": pa.binary(),
        "boxes": pa.binary(),
        "valid": pa.binary(),
    },
    "mels": {"num_frames": pa.int64(), "mel": pa.binary(), "pcm": pa.binary(), "other_tracks": OTHER_TRACKS},
    "av_offsets": {
        "measured_frames": pa.float64(),
        "confidence": pa.float64(),
        "applied_frames": pa.float64(),
        "remeasured_frames": pa.float64(),
        "offset_status": pa.string(),
        "audio_stream": pa.int32(),
    },
}


def pattern_frames(seed: int, num_frames: int, crop_px: int = 128) -> np.ndarray:
    """uint8 (T, crop_px, crop_px, 3) RGB: a pattern of squares by seed, and a bright bar that moves with each frame."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (8, 8, 3)).repeat(16, axis=0).repeat(16, axis=1)
    frames = np.repeat(coarse[None], num_frames, axis=0).astype(np.uint8)
    for frame in range(num_frames):
        frames[frame, 80:110, (4 * frame) % 120 : (4 * frame) % 120 + 8] = 250
    zoom = crop_px // 128
    return frames.repeat(zoom, axis=1).repeat(zoom, axis=2)


def jpeg_columns(frames: np.ndarray) -> dict[str, bytes]:
    """Columns mjpeg and jpeg_offsets of frames uint8 (T, 128, 128, 3), RGB."""
    mjpeg, offsets = pack_jpegs(map(np.ascontiguousarray, frames), 95)
    return {"mjpeg": mjpeg, "jpeg_offsets": offsets.tobytes()}


def clip_rows(
    clip_id: str, seed: int, num_frames: int, applied_frames: int = 0, *, crop_px: int = 128
) -> dict[str, dict[str, Any]]:
    """Rows of face_crops, mels and av_offsets for one accepted clip."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(640 * num_frames) / 16_000
    pcm = np.round(8_000 * np.sin(2 * np.pi * (200 + 20 * seed) * time_s)).astype(np.int16)
    columns: dict[str, dict[str, Any]] = {
        "face_crops": {
            "num_frames": num_frames,
            "first_frame": 0,
            "num_clip_frames": num_frames,
            **jpeg_columns(pattern_frames(seed, num_frames, crop_px)),
            "landmarks": rng.uniform(0, crop_px, (num_frames, 68, 2)).astype(np.float32).tobytes(),
            "boxes": rng.uniform(0, 300, (num_frames, 4)).astype(np.float32).tobytes(),
            "valid": np.ones(num_frames, np.uint8).tobytes(),
        },
        "mels": {
            "num_frames": num_frames,
            "mel": rng.uniform(-5, 1, (80, 4 * num_frames)).astype(np.float16).tobytes(),
            "pcm": pcm.tobytes(),
            "other_tracks": None,
        },
        "av_offsets": {"applied_frames": applied_frames, "offset_status": "not measured"},
    }
    key = {"clip_id": clip_id, "input_digest": "", "stage_version": "1", "status": "ok", "digest": f"{seed}"}
    key |= {"reason": None, "detail": None}
    empty = {stage: dict.fromkeys(schema) for stage, schema in SCHEMAS.items()}
    return {stage: key | empty[stage] | values for stage, values in columns.items()}


def facts_of(clip_id: str, dataset: str, split: str) -> ClipFacts:
    return ClipFacts(
        clip_id=clip_id,
        dataset=dataset,
        split=split,
        speaker="s1",
        transcript="bin blue",
        source_path=f"{clip_id}.mpg",
        source_sha256="0" * 64,
        labels={"words": ((0.0, 0.1, "sil"), (0.1, 0.5, "bin"))},
    )


def write_stage_files(
    folder: Path, bucket: int, rows: Iterable[Mapping[str, Mapping[str, Any]]]
) -> dict[str, Path]:
    """Bucket files of the three stages below shards."""
    listed = list(rows)
    files = {}
    for stage, schema in SCHEMAS.items():
        files[stage] = folder / stage / f"{bucket:05d}.parquet"
        fields = [*KEY_FIELDS, *(pa.field(name, kind) for name, kind in schema.items())]
        write_rows(files[stage], pa.schema(fields), [row[stage] for row in listed if stage in row])
    return files


def make_shard_set(
    folder: Path,
    *,
    dataset: str = "made",
    num_clips: Mapping[str, int] = {"train": 6, "val": 2, "test": 2},
    num_frames: int = 25,
    num_buckets: int = 2,
    crop_px: int = 128,
) -> tuple[Manifest, list[BucketShards]]:
    """Shards of generated clips under `folder / "shards"`; their bucket files are under `folder / "stages"`."""
    clips = [
        (f"{dataset}/{split}/clip{n:03d}", split) for split, count in num_clips.items() for n in range(count)
    ]
    seeds = {clip_id: number for number, (clip_id, _) in enumerate(clips)}
    outcomes = []
    for bucket in range(num_buckets):
        mine = {clip_id: split for clip_id, split in clips if bucket_of(clip_id, num_buckets) == bucket}
        rows = [clip_rows(clip_id, seeds[clip_id], num_frames, crop_px=crop_px) for clip_id in mine]
        source = BucketInput(
            bucket=bucket,
            clips={clip_id: facts_of(clip_id, dataset, split) for clip_id, split in mine.items()},
            stage_files=write_stage_files(folder / "stages", bucket, rows),
            version="1",
            settings_digest="made",
        )
        outcomes.append(write_bucket(folder / "shards", source, ShardSettings()))
    return write_manifest(folder / "shards", dataset, range(num_buckets), crop_px), outcomes
