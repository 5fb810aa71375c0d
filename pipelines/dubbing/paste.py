"""Puts a crop back where it was cut from: for videos dubbed at their full size."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, invert
from assets.faces.canonical_face import TEMPLATE_PX, template

FEATHER_PX = 5.0
TOP_ROW = 66.0


@lru_cache
def lower_face_mask(crop_px: int) -> NDArray[np.float32]:
    """(crop_px, crop_px) weight of a pasted crop: 1 on mouth and chin, falling to 0 within the hidden lower half.

    The outline is the canonical face's jaw below the nose, a little wider so that a dropped jaw is inside.
    """
    scale = crop_px / TEMPLATE_PX
    jaw = template(crop_px)[3:14]
    centre = jaw.mean(axis=0)
    outline = centre + (jaw - centre) * 1.06
    top = np.array(
        [[outline[-1, 0], TOP_ROW * scale + 8 * scale], [outline[0, 0], TOP_ROW * scale + 8 * scale]]
    )
    mask = np.zeros((crop_px, crop_px), np.float32)
    cv2.fillPoly(mask, [np.concatenate([outline, top]).round().astype(np.int32)], 1.0)
    soft: NDArray[np.float32] = cv2.GaussianBlur(mask, (0, 0), FEATHER_PX * scale)
    soft[: crop_px // 2] = 0
    edge = np.minimum(np.arange(crop_px), np.arange(crop_px)[::-1]) / (FEATHER_PX * scale)
    soft *= edge.clip(0, 1)[None, :].astype(np.float32)
    soft *= edge[::-1].clip(0, 1)[:, None].astype(np.float32)
    soft.flags.writeable = False
    return soft


def paste_crop(
    picture: NDArray[np.uint8], crop: NDArray[np.uint8], transform: Transforms, mask: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The picture with the crop blended in at its place.

    Args:
        picture: (H, W, 3) RGB source frame; not changed.
        crop: (S, S, 3) RGB.
        transform: (2, 3) source pixels to crop pixels, as ``face_crops`` stores it.
        mask: (S, S) weight of the crop, 0 to 1.

    Returns:
        (H, W, 3) RGB; equal to the picture wherever the mask is 0.

    Raises:
        ValueError: crop and mask differ in size.
    """
    if crop.shape[:2] != mask.shape:
        raise ValueError(f"the crop is {crop.shape[:2]}, the mask {mask.shape}; give both the same size")
    size = crop.shape[0]
    to_source = invert(np.asarray(transform, np.float64))
    corners = apply_transforms(
        to_source, np.array([[0, 0], [size - 1, 0], [0, size - 1], [size - 1, size - 1]])
    )
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, picture.shape[1::-1])
    if x1 <= x0 or y1 <= y0:
        return picture.copy()
    local = to_source - np.array([[0, 0, x0], [0, 0, y0]])
    target = (int(x1 - x0), int(y1 - y0))
    drawn = cv2.warpAffine(crop, local, target, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpAffine(mask, local, target, flags=cv2.INTER_LINEAR)[..., None]
    result = picture.copy()
    below = picture[y0:y1, x0:x1]
    result[y0:y1, x0:x1] = np.rint(below + (drawn.astype(np.float32) - below) * weight).astype(np.uint8)
    return result
