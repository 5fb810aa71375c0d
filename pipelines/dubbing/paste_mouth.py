"""Pastes a generated mouth into a frame: which part of its crop, where, and how visibly.

Legend: S side of a crop.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, invert
from assets.faces.canonical_face import TEMPLATE_PX, template
from pipelines.dubbing.frame_planes import Box, FramePlanes

# Of the mask, in a crop of ``TEMPLATE_PX``: width of its soft edge, and its highest row.
FEATHER_PX = 5.0
TOP_ROW = 66.0
# Grey levels: a smaller change is not shown, a larger one fully.
UNSEEN_CHANGE, CLEAR_CHANGE = 3.0, 12.0
# How far around a change the crop is shown with it, in a crop of ``TEMPLATE_PX``.
CHANGE_REACH_PX = 2.0
# Frame pixels per crop pixel below which the crop is blurred before it is reduced.
SMALLEST_SHARP_SCALE = 0.7


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


def changed_share(generated: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much of each pixel of a generated crop is shown, (S, S) from 0 to 1: nothing where it equals the true one.

    There the frame's own pixels stay, at their full sharpness; a crop is coarser than most faces it is pasted into.

    Args:
        generated: (S, S, 3) RGB.
        true: (S, S, 3) RGB.
    """
    red, green, blue = cv2.split(cv2.absdiff(generated, true))
    difference = cv2.max(
        cv2.max(red, green), blue
    )  # numpy's maximum over the channels takes five times as long
    scale = true.shape[0] / TEMPLATE_PX
    around = 2 * round(scale) + 1
    change = cv2.GaussianBlur(
        cv2.dilate(difference, np.ones((around, around))).astype(np.float32), (0, 0), CHANGE_REACH_PX * scale
    )
    share: NDArray[np.float32] = ((change - UNSEEN_CHANGE) / (CLEAR_CHANGE - UNSEEN_CHANGE)).clip(0, 1)
    return share


def paste_mouth(
    planes: FramePlanes, crop: NDArray[Any], transform: Transforms, mask: NDArray[np.float32]
) -> None:
    """Blends a crop into a frame where it was cut; where the mask is 0, or outside the frame, nothing changes.

    Args:
        planes: of the frame; drawn on.
        crop: (S, S, 3) RGB, uint8, or float32 from 0 to 255 in the frame's own colours.
        transform: (2, 3) frame pixels to crop pixels.
        mask: (S, S) weight of the crop, 0 to 1.

    Raises:
        ValueError: crop and mask differ in size.
    """
    if crop.shape[:2] != mask.shape:
        raise ValueError(f"the crop is {crop.shape[:2]}, the mask {mask.shape}; give both the same size")
    to_frame = invert(np.asarray(transform, np.float64))
    box = _box_of(planes, to_frame, mask)
    if box is None:
        return
    x0, y0, x1, y1 = box
    local = to_frame - np.array([[0, 0, x0], [0, 0, y0]])
    target = (x1 - x0, y1 - y0)
    softened = _softened(crop, to_frame)
    rgb = cv2.warpAffine(softened, local, target, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    planes.blend(box, rgb.clip(0, 255), cv2.warpAffine(mask, local, target, flags=cv2.INTER_LINEAR))


def _box_of(planes: FramePlanes, to_frame: Transforms, mask: NDArray[np.float32]) -> Box | None:
    """Even-sided part of the frame that the mask reaches."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0] - 1, rows[-1] + 1, columns[0] - 1, columns[-1] + 1
    corners = apply_transforms(
        to_frame, np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    )
    width, height = planes.size
    x0, y0 = (int(v) // 2 * 2 for v in np.clip(np.floor(corners.min(axis=0)), 0, (width, height)))
    x1, y1 = (-(-int(v) // 2) * 2 for v in np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)))
    return None if x1 <= x0 or y1 <= y0 else (x0, y0, x1, y1)


def _softened(crop: NDArray[Any], to_frame: Transforms) -> NDArray[Any]:
    """The crop without the detail that a smaller face can't hold."""
    scale = float(np.sqrt(abs(np.linalg.det(to_frame[:, :2]))))
    if scale >= SMALLEST_SHARP_SCALE:
        return crop
    soft: NDArray[Any] = cv2.GaussianBlur(crop, (0, 0), 0.4 / scale)
    return soft
