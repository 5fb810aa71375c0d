"""Shards of synthetic clips whose mouths open with their audio, so that small networks learn them in seconds."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import simplejpeg
import soundfile

from assets.faces.canonical_face import template
from cals_models.shards.shard_format import clip_key, manifest_digest
from cals_models.timebase import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

NUM_FRAMES = 36


def talking_clip(
    seed: int, num_frames: int = NUM_FRAMES, crop_px: int = 128
) -> tuple[np.ndarray, np.ndarray]:
    """Frames uint8 (T, crop_px, crop_px, 3) and mel float32 (80, 4T): the louder, the wider the mouth is open."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0, 1, num_frames // 2 + 1), 2)[:num_frames]
    pitch = np.repeat(rng.integers(5, 60, num_frames // 2 + 1), 2)[:num_frames]
    frames = np.full((num_frames, 128, 128, 3), 40, np.uint8)
    frames[:, 8:120, 16:112] = rng.integers(120, 200, 3).astype(np.uint8)
    mel = np.full((80, 4 * num_frames), -4.5, np.float32)
    for frame in range(num_frames):
        height, width = 2 + int(24 * loudness[frame]), 12 + int(pitch[frame] * 0.4)
        frames[frame, 96 - height // 2 : 96 + height // 2 + 1, 64 - width : 64 + width] = (90, 10, 20)
        mel[pitch[frame] : pitch[frame] + 15, 4 * frame : 4 * frame + 4] = -4 + 4 * loudness[frame]
    zoom = crop_px // 128
    frames = frames.repeat(zoom, axis=1).repeat(zoom, axis=2)
    return frames, mel + rng.normal(0, 0.05, mel.shape).astype(np.float32)


def face_landmarks(num_frames: int) -> np.ndarray:
    """Landmarks float32 (T, 68, 2) of the mean face, which nods and shifts a little."""
    moment = np.arange(num_frames, dtype=np.float32)[:, None]
    shift = np.stack([np.sin(moment / 5), np.cos(moment / 7)], axis=-1)
    return (template(128) + shift).astype(np.float32)


def write_talking_shards(
    folder: Path,
    *,
    num_clips: Mapping[str, int] | None = None,
    num_frames: int = NUM_FRAMES,
    valid: str | None = None,
    landmarks: np.ndarray | None = None,
    crop_px: int = 128,
) -> Path:
    """A shard set with one tar a split; returns its folder. Without landmarks (T, 68, 2) they are all 0."""
    folder.mkdir(parents=True, exist_ok=True)
    splits, digests = {}, []
    for number, (split, count) in enumerate((num_clips or {"train": 6, "val": 2, "test": 2}).items()):
        path = folder / f"{split}-00000.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for index in range(count):
                _add_clip(
                    tar,
                    f"made/{split}/{index}",
                    split,
                    100 * number + index,
                    num_frames,
                    valid,
                    landmarks,
                    crop_px,
                )
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        digests.append((path.name, sha256))
        shard = {
            "path": path.name,
            "num_clips": count,
            "num_frames": count * num_frames,
            "bytes": len(data),
            "sha256": sha256,
        }
        splits[split] = {"num_clips": count, "num_frames": count * num_frames, "shards": [shard]}
    manifest = {"format": 1, "dataset": "made", "digest": manifest_digest(digests), "splits": splits}
    manifest |= {} if crop_px == 128 else {"crop_px": crop_px}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _add_clip(
    tar: tarfile.TarFile,
    clip_id: str,
    split: str,
    seed: int,
    num_frames: int,
    valid: str | None,
    landmarks: np.ndarray | None,
    crop_px: int,
) -> None:
    frames, mel = talking_clip(seed, num_frames, crop_px)
    jpegs = [
        simplejpeg.encode_jpeg(frame, quality=95, colorspace="RGB", colorsubsampling="444")
        for frame in frames
    ]
    meta = {
        "clip_id": clip_id,
        "dataset": "made",
        "split": split,
        "fps": 25,
        "num_frames": num_frames,
        "jpeg_offsets": np.cumsum([0, *map(len, jpegs)]).tolist(),
        "valid": valid or "1" * num_frames,
    }
    audio = io.BytesIO()
    soundfile.write(
        audio,
        np.zeros(SAMPLES_PER_FRAME * num_frames, np.int16),
        SAMPLE_RATE_HZ,
        format="FLAC",
        subtype="PCM_16",
    )
    members = {
        "flac": audio.getvalue(),
        "json": json.dumps(meta).encode(),
        "landmarks.npy": _npy(np.zeros((num_frames, 68, 2), np.float32) if landmarks is None else landmarks),
        "mel.npy": _npy(mel.astype(np.float16)),
        "mjpeg": b"".join(jpegs),
    }
    for name, data in members.items():
        info = tarfile.TarInfo(f"{clip_key(clip_id)}.{name}")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()
