"""Counts frames that show what the frame before them shows: a slow source at 25 fps, or one that was stored so."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.media.video import Tick

# Frames are compared by the means of blocks of this side. Coding noise changes a mean by one grey level at most; a
# moving lip or eye by more.
BLOCK_PX = 8
SAME_GREY_LEVELS = 1


class RepeatedFrames:
    """Number of repeated frames among those seen, in order."""

    def __init__(self) -> None:
        self.num = 0
        self._last: NDArray[np.uint8] | None = None

    def add(self, tick: Tick) -> None:
        """Counts a frame if it repeats the one before."""
        if tick.repeated:
            self.num += 1
            return
        means = block_means(tick.frame.gray())
        if self._last is not None and shows_the_same(means, self._last):
            self.num += 1
        self._last = means


def block_means(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of the blocks of a luma plane (H, W)."""
    size = (max(gray.shape[1] // BLOCK_PX, 1), max(gray.shape[0] // BLOCK_PX, 1))
    means: NDArray[np.uint8] = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return means


def shows_the_same(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether no block differs by more than coding noise."""
    return a.shape == b.shape and float(cv2.absdiff(a, b).max()) <= SAME_GREY_LEVELS
