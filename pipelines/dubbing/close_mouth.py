"""Closes the mouth of a crop: the lips meet, the chin follows, everything else stays where it is.

Only geometry: pixels move along the face's vertical axis, the inside of the mouth shrinks away between the lips. A mouth
that is closed already is left as it is.

Legend: S side of a crop; u along the mouth, v down the face, crop pixels from the mouth's centre.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.landmarks import LOWER_INNER_LIP, UPPER_INNER_LIP, Points, mouth_opening, spread

# How much of a gap the upper lip closes; the lower lip and the jaw close the rest.
UPPER_SHARE = 0.2
# Opening (`mouth_opening`) up to which a mouth counts as closed, where the face itself never shows a smaller one.
CLOSED_OPENING = 0.02
# Below the chin, in sides of the crop, the skin is left as it is.
BELOW_CHIN = 0.09
OUTER_UPPER, INNER_UPPER = (48, 49, 50, 51, 52, 53, 54), (60, 61, 62, 63, 64)
INNER_LOWER, OUTER_LOWER = (60, 67, 66, 65, 64), (48, 59, 58, 57, 56, 55, 54)
JAW = tuple(range(3, 14))

Values = NDArray[np.float32]


class _Knot(NamedTuple):
    """A curve across the face: where it lies in the crop, and how far down it goes when the mouth closes."""

    v: Values
    down: Values


def closed_opening(points: Points) -> float:
    """The opening to which a face closes its mouth: the smallest that it often shows, if that is a closed mouth.

    Args:
        points: (T, 68, 2) of the frames in which the face is seen.
    """
    return min(float(np.percentile(mouth_opening(points), 5)), CLOSED_OPENING)


def close_mouth(
    crop: NDArray[np.uint8], points: Points, opening: float, share: float = 1.0
) -> NDArray[np.uint8]:
    """The crop with its mouth closed.

    Args:
        crop: (S, S, 3) RGB.
        points: (68, 2) landmarks, crop pixels.
        opening: to which the mouth closes, in units of the face's spread.
        share: of the way, 0 to 1.
    """
    gap = np.linalg.norm(points[list(LOWER_INNER_LIP)] - points[list(UPPER_INNER_LIP)], axis=-1)
    left = share * np.maximum(gap - opening * float(spread(points)), 0)
    if left.max() < 0.1:
        return crop
    side = crop.shape[0]
    axis = points[54] - points[48]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-3)
    down = np.array([-axis[1], axis[0]], np.float32)
    centre = points[48:68].mean(axis=0)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    offset = np.stack([x - centre[0], y - centre[1]], axis=-1)
    shift = _shift(
        offset @ axis, offset @ down, (points - centre) @ np.stack([axis, down], axis=-1), left, side
    )
    moved: NDArray[np.uint8] = cv2.remap(
        crop, x + shift * down[0], y + shift * down[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return moved


def _shift(u: Values, v: Values, face: Points, left: Values, side: int) -> Values:
    """(S, S) how far down the face each pixel of the closed mouth is taken from, pixels.

    Args:
        u, v: (S, S) place of the pixel.
        face: (68, 2) landmarks, u and v.
        left: (3,) gap that is to close, from the left to the right of the inner lips.
        side: S.
    """

    def curve(numbers: tuple[int, ...]) -> Values:
        at = face[list(numbers)]
        return np.interp(u, at[:, 0], at[:, 1]).astype(np.float32)

    inner = face[list(INNER_UPPER), 0]
    gap = np.interp(u, inner, [0.0, *left, 0.0], left=0.0, right=0.0).astype(np.float32)
    jaw = face[list(JAW)]
    half = np.where(u < 0, -jaw[0, 0], jaw[-1, 0])
    drop = float(left.max()) * np.cos(np.pi / 2 * np.clip(np.abs(u) / np.maximum(half, 1), 0, 1)) ** 2
    lower, upper = -(1 - UPPER_SHARE), UPPER_SHARE
    nose, chin = curve((31, 32, 33, 34, 35)), curve(JAW)
    still = np.zeros_like(gap)
    lip = curve(OUTER_UPPER)
    knots = [
        _Knot(np.minimum(nose + 0.3 * (lip - nose), lip - 1), still),
        _Knot(lip, upper * gap),
        _Knot(curve(INNER_UPPER), upper * gap),
        _Knot(curve(INNER_LOWER), lower * gap),
        _Knot(curve(OUTER_LOWER), lower * gap),
        _Knot(chin, lower * drop.astype(np.float32)),
        _Knot(chin + BELOW_CHIN * side, still),
    ]
    return _between(v, knots)


def _between(v: Values, knots: list[_Knot]) -> Values:
    """Where each place of the moved face comes from: linear between the curves, nothing moves beyond the outer ones."""
    shift = np.zeros_like(v)
    for above, below in pairwise(knots):
        start, end = above.v + above.down, below.v + below.down
        inside = (v >= start) & (v < end)
        part = (v - start) / np.maximum(end - start, 1e-3)
        shift = np.where(inside, -(above.down + part * (below.down - above.down)), shift)
    return shift
