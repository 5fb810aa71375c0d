"""The 68-point layout (iBUG 300-W) and its geometry. Points are (..., 68, 2) float32, x then y, pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

NUM_POINTS = 68
MOUTH = slice(48, 68)
NOSE_BRIDGE_AND_BASE = tuple(range(27, 36))
EYE_CORNERS = (36, 39, 42, 45)
RIGID = np.array(NOSE_BRIDGE_AND_BASE + EYE_CORNERS)
"""Points that neither speech nor blinking moves."""
MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip
"""Point that a point becomes when the image is flipped."""
UPPER_INNER_LIP = (61, 62, 63)
LOWER_INNER_LIP = (67, 66, 65)

_BOX_SIDES_PER_SPREAD = 2.85
_BOX_SHIFT_DOWN = 0.0245


def spread(points: Points) -> NDArray[np.float32]:
    """Size of the face: root of the summed variances of x and y, pixels. (..., 68, 2) -> (...)."""
    size: NDArray[np.float32] = np.sqrt(points.var(axis=-2).sum(axis=-1))
    return size


def boxes_of(points: Points) -> NDArray[np.float32]:
    """The square that a HOG detector draws around a face: (..., 68, 2) -> (..., 4) float32 as x0, y0, x1, y1.

    A box computed from landmarks does not depend on the back end that found them, and is free of the jumps of a
    detector's sliding window. The two constants relate dlib's boxes to its landmarks: means over the faces of a
    dozen GRID speakers, with a spread of 7 and 3 percent of the side.
    """
    side = _BOX_SIDES_PER_SPREAD * spread(points)
    centre = points[..., 17:, :].mean(axis=-2)
    centre = centre + np.stack([np.zeros_like(side), _BOX_SHIFT_DOWN * side], axis=-1)
    half = side[..., None] / 2
    return np.concatenate([centre - half, centre + half], axis=-1).astype(np.float32)


def mouth_opening(points: Points) -> NDArray[np.float32]:
    """Distance of the inner lips, in units of the face's spread: (..., 68, 2) -> (...)."""
    upper = points[..., UPPER_INNER_LIP, :].mean(axis=-2)
    lower = points[..., LOWER_INNER_LIP, :].mean(axis=-2)
    opening: NDArray[np.float32] = np.linalg.norm(lower - upper, axis=-1) / spread(points)
    return opening


def overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of a box (4,) with boxes (N, 4), each x0, y0, x1, y1. Shape (N,)."""
    common = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = common.clip(min=0).prod(axis=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    ratios: NDArray[np.float32] = shared / ((box[2:] - box[:2]).prod() + areas - shared)
    return ratios


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes (4,) as x0, y0, x1, y1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = float(width * height)
    return common / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def is_upright_face(points: Points) -> bool:
    """Whether the points are arranged as in a face: brows, eyes, nose, mouth, chin from top to bottom, eyes apart.

    Args:
        points: (68, 2). The order is checked along the face's own axis, so tilts up to about 50 degrees pass.
    """
    if not np.isfinite(points).all():
        return False
    size = float(spread(points))
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    across = right - left
    width = float(np.linalg.norm(across))
    if size <= 0 or width < 0.3 * size or across[0] < 0.6 * width:
        return False
    down = np.array([-across[1], across[0]], np.float32) / width
    levels = [
        points[part].mean(axis=0) @ down for part in (slice(17, 27), slice(36, 48), slice(31, 36), MOUTH)
    ]
    levels.append(points[8] @ down)
    steps = np.diff(levels) / size
    return bool((steps > [0.02, 0.15, 0.05, 0.1]).all() and levels[3] - levels[1] < 2.5 * width)
