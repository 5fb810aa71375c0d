"""Landmarks for LMD: the same detector, with the same rule, on the true and on the generated crop.

Of each frame the best face that the detector finds is taken, with its 68 points; a frame in which it finds none has no
landmarks and is counted. No state is kept between frames or videos.

Legend: T video frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend, Image
from assets.faces.landmarks import NUM_POINTS


@dataclass(frozen=True, kw_only=True)
class CropLandmarks:
    """Landmarks of a video.

    Args:
        points: float32 (T, 68, 2), pixels of the crop; NaN where no face was found.
    """

    points: NDArray[np.float32]

    @property
    def found(self) -> NDArray[np.bool_]:
        """(T,): whether a face was found."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))


def landmark_crops(frames: NDArray[np.uint8], backend: FaceBackend) -> CropLandmarks:
    """Landmarks of every frame.

    Equal frames are detected once.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        backend: face and landmark detector.
    """
    points = np.full((len(frames), NUM_POINTS, 2), np.nan, np.float32)
    seen: dict[bytes, int] = {}
    for index, frame in enumerate(frames):
        earlier = seen.setdefault(frame.tobytes(), index)
        points[index] = points[earlier] if earlier != index else _landmark(frame, backend)
    return CropLandmarks(points=points)


def _landmark(frame: NDArray[np.uint8], backend: FaceBackend) -> NDArray[np.float32]:
    image: Image = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if backend.reads_luma else frame
    found = backend.detect([image])[0]
    if not found:
        return np.full((NUM_POINTS, 2), np.nan, np.float32)
    points: NDArray[np.float32] = backend.landmarks([image], [found[0].box])[0]
    return points
