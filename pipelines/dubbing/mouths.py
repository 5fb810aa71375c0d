"""From frames to generated mouths: crops as in training, colours that meet the face around them, and where they differ.

Legend: S side of a crop, N crops.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, compose, invert

MARGIN_PX = 4
SMALLEST_DIRECT_SCALE = 0.6
RING_PX = 9
SPREAD_PX = 12.0
MAX_CORRECTION = 40.0
STEADY = 0.8
UNSEEN_CHANGE, CLEAR_CHANGE = 3.0, 12.0
CHANGE_REACH_PX = 2.0


def cut_crop(picture: Any, transform: Transforms, crop_px: int) -> NDArray[np.uint8]:
    """One crop (S, S, 3) RGB of a picture; what lies outside the frame repeats its edge.

    Args:
        picture: ``assets.media.decoded_frame.DecodedFrame``.
        transform: (2, 3) source pixels to crop pixels.
        crop_px: S.
    """
    edge = crop_px - 1
    corners = apply_transforms(invert(transform), np.array([[0, 0], [edge, 0], [0, edge], [edge, edge]]))
    size = np.array([picture.width, picture.height])
    low = np.clip(np.floor(corners.min(axis=0)) - MARGIN_PX, 0, size - 2).astype(int) // 2 * 2
    high = np.clip(np.ceil(corners.max(axis=0)) + MARGIN_PX, low + 2, size).astype(int)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    step = max(1, min(int(1 / scale), int((high - low).min())))
    high = low + (high - low) // step * step
    region = picture.rgb((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
    if step > 1:
        reduced = (region.shape[1] // step, region.shape[0] // step)
        region = cv2.resize(region, reduced, interpolation=cv2.INTER_AREA)
    shift = (step - 1) / 2
    to_crop = compose(transform, np.array([[step, 0, low[0] + shift], [0, step, low[1] + shift]], np.float64))
    zoom = 2 if scale * step < SMALLEST_DIRECT_SCALE else 1
    enlarge = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
    drawn = cv2.warpAffine(
        region,
        compose(enlarge, to_crop),
        (crop_px * zoom, crop_px * zoom),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if zoom > 1:
        drawn = cv2.resize(drawn, (crop_px, crop_px), interpolation=cv2.INTER_AREA)
    crop: NDArray[np.uint8] = drawn
    return crop


def changed_share(drawn: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much of each pixel of a generated crop is shown, (S, S) from 0 to 1: nothing where it looks like the true one.

    There the frame's own pixels stay, as sharp as they are; a crop is coarser than most faces that it is pasted into.

    Args:
        drawn: (S, S, 3) RGB.
        true: (S, S, 3) RGB.
    """
    difference = np.abs(drawn.astype(np.float32) - true).max(axis=-1)
    change = cv2.GaussianBlur(cv2.dilate(difference, np.ones((3, 3))), (0, 0), CHANGE_REACH_PX)
    share: NDArray[np.float32] = ((change - UNSEEN_CHANGE) / (CLEAR_CHANGE - UNSEEN_CHANGE)).clip(0, 1)
    return share


class ColourMatch:
    """Shifts the colours of generated crops so that they meet the true ones along the mask's edge.

    Along the edge both pictures show the same skin. Their difference there is spread inwards, smoothly, and added;
    it is held steady over time. The mouth itself, where the two must differ, is not looked at.
    """

    def __init__(self, mask: NDArray[np.float32]) -> None:
        """Takes the mask (S, S) of the paste."""
        inside = (mask > 0.5).astype(np.uint8)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RING_PX + 1, 2 * RING_PX + 1))
        around = cv2.dilate(inside, kernel) - cv2.erode(inside, kernel)
        self._ring: NDArray[np.float32] = around.astype(np.float32) * (1 - mask)
        scale = mask.shape[0] / 128
        self._sigma = SPREAD_PX * scale
        self._weight = cv2.GaussianBlur(self._ring, (0, 0), self._sigma)[..., None] + 1e-4
        self._steady: NDArray[np.float32] | None = None

    def __call__(self, drawn: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The drawn crop (S, S, 3) RGB in the colours of the true one."""
        difference = (true.astype(np.float32) - drawn) * self._ring[..., None]
        now = cv2.GaussianBlur(difference, (0, 0), self._sigma) / self._weight
        now = now.clip(-MAX_CORRECTION, MAX_CORRECTION)
        self._steady = now if self._steady is None else STEADY * self._steady + (1 - STEADY) * now
        return np.rint(drawn + self._steady).clip(0, 255).astype(np.uint8)
