"""Cuts the face crop of one frame, sampled as the crops of the training were.

Legend: S side of a crop.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, compose, invert
from assets.faces.frames import Frame

# Frame pixels around the crop's corners that the interpolation may read.
MARGIN_PX = 4
# Crop pixels per region pixel below which the crop is sampled at twice its size and averaged.
SMALLEST_DIRECT_SCALE = 0.6


def cut_crop(frame: Frame, transform: Transforms, crop_px: int) -> NDArray[np.uint8]:
    """One crop (S, S, 3) RGB of a frame; outside the frame its edge pixels repeat.

    Args:
        frame: upright.
        transform: (2, 3) source pixels to crop pixels.
        crop_px: S.
    """
    edge = crop_px - 1
    corners = apply_transforms(invert(transform), np.array([[0, 0], [edge, 0], [0, edge], [edge, edge]]))
    size = np.array([frame.width, frame.height])
    low = np.clip(np.floor(corners.min(axis=0)) - MARGIN_PX, 0, size - 2).astype(int) // 2 * 2
    high = np.clip(np.ceil(corners.max(axis=0)) + MARGIN_PX, low + 2, size).astype(int)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    step = max(1, min(int(1 / scale), int((high - low).min())))
    high = low + (high - low) // step * step
    region = frame.rgb((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
    if step > 1:
        reduced = (region.shape[1] // step, region.shape[0] // step)
        region = cv2.resize(region, reduced, interpolation=cv2.INTER_AREA)
    shift = (step - 1) / 2
    to_crop = compose(transform, np.array([[step, 0, low[0] + shift], [0, step, low[1] + shift]], np.float64))
    zoom = 2 if scale * step < SMALLEST_DIRECT_SCALE else 1
    enlarge = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
    warped = cv2.warpAffine(
        region,
        compose(enlarge, to_crop),
        (crop_px * zoom, crop_px * zoom),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if zoom > 1:
        warped = cv2.resize(warped, (crop_px, crop_px), interpolation=cv2.INTER_AREA)
    crop: NDArray[np.uint8] = warped
    return crop
