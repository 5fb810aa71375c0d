"""Face crops and audio of a real GRID clip, cut with one fixed square, without the project's face stages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import simplejpeg

from assets.shards.manifest import write_manifest
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, write_bucket
from tests.support.shard_sets import clip_rows, facts_of, jpeg_columns, write_stage_files


@lru_cache(maxsize=4)
def grid_crops(path: Path, num_frames: int = 75, crop_px: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Crops uint8 (T, crop_px, crop_px, 3) RGB and audio int16 (640 T,), 16 kHz; read-only."""
    from assets.faces.backends.dlib import DlibBackend

    with av.open(str(path)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:num_frames]
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(path)) as container:
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    samples = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    audio = np.pad(samples, (0, 640 * num_frames))[: 640 * num_frames].astype(np.int16)
    x0, y0, x1, y1 = DlibBackend().detect([cv2.cvtColor(images[0], cv2.COLOR_RGB2GRAY)])[0][0].box
    side, cx, cy = 1.35 * (x1 - x0), (x0 + x1) / 2, (y0 + y1) / 2
    scale, middle = crop_px / side, crop_px // 2
    cut = np.float32([[scale, 0, middle - scale * cx], [0, scale, middle - scale * cy]])
    frames = np.stack([cv2.warpAffine(image, cut, (crop_px, crop_px)) for image in images])
    frames.setflags(write=False)
    audio.setflags(write=False)
    return frames, audio


def through_jpeg(frames: np.ndarray, quality: int) -> np.ndarray:
    """The frames after JPEG compression: something like a generated video, for metrics to compare."""
    return np.stack(
        [
            simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality=quality))
            for frame in frames
        ]
    )


def crops_shard_set(
    folder: Path,
    clips: Mapping[str, tuple[np.ndarray, np.ndarray]],
    valid: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Shards under `folder / "shards"` that hold these frames and audio.

    Args:
        folder: for the shards and the bucket files that they are written from.
        clips: clip id, `<dataset>/<split>/<name>`, to frames uint8 (T, S, S, 3), S = 128 or 256, and audio int16 (640 T,).
        valid: clip id to bool (T,), frames in which the face was found; all of them for clips that are not in it.
    """
    rows = [_row(clip_id, frames, audio) for clip_id, (frames, audio) in clips.items()]
    for row, clip_id in zip(rows, clips, strict=True):
        if valid and clip_id in valid:
            row["face_crops"]["valid"] = valid[clip_id].astype(np.uint8).tobytes()
    source = BucketInput(
        bucket=0,
        clips={clip_id: facts_of(clip_id, *clip_id.split("/")[:2]) for clip_id in clips},
        stage_files=write_stage_files(folder / "stages", 0, rows),
        version="1",
        settings_digest="made",
    )
    write_bucket(folder / "shards", source, ShardSettings())
    crop_px = next(iter(clips.values()))[0].shape[1]
    write_manifest(folder / "shards", next(iter(clips)).split("/")[0], range(1), crop_px)


def _row(clip_id: str, frames: np.ndarray, audio: np.ndarray) -> dict[str, dict[str, object]]:
    row = clip_rows(clip_id, 1, len(frames))
    row["face_crops"] |= jpeg_columns(frames)
    row["mels"] |= {"pcm": audio.tobytes()}
    return row
