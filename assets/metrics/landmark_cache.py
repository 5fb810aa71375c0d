"""A cache of the true crops' landmarks: every method is compared with the same ones."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.metrics.crop_landmarks import CropLandmarks, landmark_crops
from assets.project.atomic_files import replacing


class LandmarkCache:
    """Landmarks by the digest of their frames.

    Detectors can't be shared between threads: each thread opens its own.

    Args:
        open_backend: opens a detector; all that it opens give equal landmarks.
        folder: of the cache; None keeps nothing.
        version: of the code that detects; landmarks of another version are detected again.
    """

    def __init__(
        self, open_backend: Callable[[], FaceBackend], folder: Path | None, *, version: str = ""
    ) -> None:
        self._open_backend = open_backend
        self._opened = threading.local()
        self.name = self.backend.name
        self._folder = folder
        self._version = version

    @property
    def backend(self) -> FaceBackend:
        """This thread's detector."""
        if not hasattr(self._opened, "backend"):
            self._opened.backend = self._open_backend()
        backend: FaceBackend = self._opened.backend
        return backend

    def of(self, frames: NDArray[np.uint8], *, keep: bool) -> CropLandmarks:
        """Landmarks of frames uint8 (T, H, W, 3), RGB; ``keep`` writes them to the cache."""
        if not keep or self._folder is None:
            return landmark_crops(frames, self.backend)
        digest = hashlib.sha256(f"{self.name} {self._version} {frames.shape}\n".encode())
        digest.update(np.ascontiguousarray(frames).data)
        path = self._folder / f"{digest.hexdigest()}.npy"
        points = _read(path, len(frames))
        if points is None:
            points = landmark_crops(frames, self.backend).points
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.lib.format.write_array(file, points, allow_pickle=False)
        return CropLandmarks(points=points)


def _read(path: Path, num_frames: int) -> NDArray[np.float32] | None:
    try:
        points: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return points if points.shape == (num_frames, 68, 2) and points.dtype == np.float32 else None
