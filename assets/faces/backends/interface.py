"""What a face back end offers to the tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assets.workers.rejected import PipelineFault

Image = NDArray[np.uint8]


class BackendUnavailableError(PipelineFault, ValueError):
    """A back end's weights or library are missing; the message says how to get them."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face found in an image: box (4,) float32 as x0, y0, x1, y1 in that image's pixels, confidence."""

    box: NDArray[np.float32]
    confidence: float


class FaceBackend(Protocol):
    """Finds faces and their 68 landmarks.

    Args:
        name: value of the setting ``backend``.
        reads_luma: whether images are luma (H, W) or RGB (H, W, 3), uint8.
        min_detectable_px: side of the smallest face box that ``detect`` finds.
        followed_px: side that a followed face should have in the image given to ``detect``.
        sure_confidence: detections from here on are faces.
        doubtful_confidence: detections from here on are faces if ``is_face`` agrees; lower ones are none.
        batch_frames: frames that the tracker passes at once; 1 follows a face frame by frame.
    """

    name: str
    reads_luma: bool
    min_detectable_px: float
    followed_px: float
    sure_confidence: float
    doubtful_confidence: float
    batch_frames: int

    def detect(self, images: list[Image]) -> list[list[Detection]]:
        """Faces of each image, best first, boxes in that image's pixels."""
        ...

    def landmarks(self, images: list[Image], boxes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(N, 68, 2) float32 landmarks, one face for each of N images and boxes (4,), in that image's pixels."""
        ...

    def is_face(self, image: Image) -> bool:
        """A second opinion on a doubtful detection: an image cut around it with a margin of half a face."""
        ...
