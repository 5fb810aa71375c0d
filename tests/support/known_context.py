"""A stand-in for a trained generator whose lips depend on the audio in a known way, and a detector that reads them.

The audio of a frame is one number; the lips of frame t are the mean of those within ``reach`` frames, hidden ones
counted as 0. A frame's lips are written into its pixels, and the detector turns them into landmarks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assets.faces.backends.interface import Detection
from assets.metrics.landmark_cache import LandmarkCache
from cals_models.mel_windows import SILENCE
from tests.support.grid_crops import crops_shard_set
from tests.support.shard_sets import clip_rows

SCALE = 100.0
LOUDEST = 1.0


def loudness_of(mel: np.ndarray) -> np.ndarray:
    """(80, 4T) log-mel to (T,): 0 for silence, 1 for the loudest."""
    return (mel[0].reshape(-1, 4).mean(axis=1) - SILENCE) / (LOUDEST - SILENCE)


def lips_of(loudness: np.ndarray, reach: int) -> np.ndarray:
    """(T,) mean of the loudness within ``reach`` frames; beyond the ends is 0."""
    padded = np.pad(loudness, reach)
    return np.stack([padded[k : k + len(loudness)] for k in range(2 * reach + 1)]).mean(axis=0)


def frame_of(lip: float) -> np.ndarray:
    """uint8 (128, 128, 3) whose grey level is ``lip`` (0..1)."""
    return np.full((128, 128, 3), 20 + round(200 * lip), np.uint8)


class KnownReach:
    """Has the methods of ``LipGenerator`` that are used here."""

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self.device = torch.device("cpu")

    def units_from_mel(
        self, mel: torch.Tensor, *, mel_valid_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        loudness = torch.from_numpy(loudness_of(mel.numpy()))
        if mel_valid_mask is not None:
            loudness = loudness * mel_valid_mask
        return torch.from_numpy(lips_of(loudness.numpy(), self.reach))[:, None]

    def render_batches(
        self, pose_prior: torch.Tensor, reference: torch.Tensor, units: torch.Tensor, batch_frames: int
    ) -> Iterator[torch.Tensor]:
        assert int(pose_prior[:, 64:].max()) == 0, "the mouth is hidden"
        assert len(pose_prior) == len(reference) == len(units)
        frames = np.stack([frame_of(float(unit)) for unit in units[:, 0]])
        for start in range(0, len(frames), batch_frames):
            yield torch.from_numpy(frames[start : start + batch_frames])


class PixelDetector:
    """A face in every frame, its mouth as wide as the pixels are bright."""

    name = "pixels"
    reads_luma = False

    def detect(self, images: list[np.ndarray]) -> list[list[Detection]]:
        box = np.array([0, 0, 128, 128], np.float32)
        return [[Detection(box=box, confidence=1.0)] for _ in images]

    def landmarks(self, images: list[np.ndarray], boxes: list[Any]) -> list[np.ndarray]:
        points = []
        for image in images:
            lip = (float(image.mean()) - 20) / 200
            point = np.zeros((68, 2), np.float32)
            point[48:58, 0], point[58:68, 0] = SCALE * lip, -SCALE * lip
            points.append(point)
        return points


def pixel_landmarks() -> LandmarkCache:
    return LandmarkCache(PixelDetector, None)  # type: ignore[arg-type]


def write_known_shards(folder: Path, *, reach: int, num_frames: int, num_clips: int = 2) -> Path:
    """Shards whose test clips show the lips that `lips_of` gives for their audio."""
    stored = clip_rows("any", 1, num_frames)["mels"]["mel"]
    mel = np.frombuffer(stored, np.float16).reshape(80, -1).astype(np.float32)
    frames = np.stack([frame_of(lip) for lip in lips_of(loudness_of(mel), reach)])
    audio = np.zeros(640 * num_frames, np.int16)
    crops_shard_set(folder, {f"made/test/clip{number}": (frames, audio) for number in range(num_clips)})
    return folder / "shards"
