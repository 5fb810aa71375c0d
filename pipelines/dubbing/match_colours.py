"""Shifts the colours of generated crops to those of the face around them.

Legend: S side of a crop.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# In a crop of 128 px: half the width of the ring along the mask's edge in which the crops are compared, and how far a
# difference spreads inwards.
RING_PX = 9
SPREAD_PX = 12.0
# Grey levels.
MAX_CORRECTION = 40.0
# Weight of the earlier frames in the running mean of the correction.
STEADY = 0.8


class ColourMatch:
    """Shifts the colours of generated crops so that they meet the true ones along the mask's edge.

    Along the edge both crops show the same skin. Their difference there is spread inwards, smoothly, and added; it is
    averaged over time. The mouth itself, where the two must differ, is not compared.
    """

    def __init__(self, mask: NDArray[np.float32]) -> None:
        """Takes the mask (S, S) of the paste."""
        inside = (mask > 0.5).astype(np.uint8)
        scale = mask.shape[0] / 128
        across = 2 * round(RING_PX * scale) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        around = cv2.dilate(inside, kernel) - cv2.erode(inside, kernel)
        self._ring: NDArray[np.float32] = around.astype(np.float32) * (1 - mask)
        self._sigma = SPREAD_PX * scale
        self._weight = cv2.GaussianBlur(self._ring, (0, 0), self._sigma)[..., None] + 1e-4
        self._steady: NDArray[np.float32] | None = None

    def __call__(self, generated: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The generated crop (S, S, 3) RGB in the colours of the true one."""
        difference = (true.astype(np.float32) - generated) * self._ring[..., None]
        now = cv2.GaussianBlur(difference, (0, 0), self._sigma) / self._weight
        now = now.clip(-MAX_CORRECTION, MAX_CORRECTION)
        self._steady = now if self._steady is None else STEADY * self._steady + (1 - STEADY) * now
        return np.rint(generated + self._steady).clip(0, 255).astype(np.uint8)
