"""How much two frames differ once a shift of the whole frame is taken out.

Phase correlation finds the shift, and says how well it explains the second frame: for a shaking, panning or bumped camera
and for a change of light by nearly 1, for another scene by less than 0.8, whatever the brightness.

PySceneDetect's detectors compare frames as they stand. On talking heads with a shaking camera ``AdaptiveDetector`` misses
6 of 13 cuts and takes 3 of 3 bumps for cuts; this measure misses none of them and takes none for a cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Thumbnail = NDArray[np.float32]
"""(h, w) float32 luma, 0 to 255, the shorter side about 96 pixels."""

THUMBNAIL_PX = 96
# Share of the second frame that a shift of the first explains, from which both show one scene; 0.8 and more with one
# camera, up to 0.75 across cuts between GRID's speakers, who sit before one background.
SAME_SCENE_MATCH = 0.8
# Mean absolute difference in grey levels up to which two frames show one scene however they match: flat frames match nothing.
SAME_SCENE_LEVELS = 5.0
# Share of a frame's texture (the half of the pixels with the steeper gradients) that stays within so many grey levels, from
# which the background is the same and only the person moved: 0.69 at a jump cut within a take, up to 0.5 between GRID's
# speakers.
SAME_BACKGROUND = 0.6
UNCHANGED_LEVELS = 6.0


class SceneChange(NamedTuple):
    """Change from one frame to another.

    Args:
        match: response of the phase correlation, 1 for a shifted copy, about 0 for another scene; taken as 1 without
            measuring it where the frames differ by so little that they show one scene anyway.
        levels: mean absolute difference in grey levels, with or without the shift taken out, whichever is less.
        unchanged: share of the texture that stays where it is; taken as 1 like ``match``.
        shift: x and y by which the scene moves, in thumbnail pixels; 0 where it is not measured, or is no shift.
    """

    match: float
    levels: float
    unchanged: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def is_same_scene(self) -> bool:
        return (
            self.match >= SAME_SCENE_MATCH
            or self.levels < SAME_SCENE_LEVELS
            or self.unchanged >= SAME_BACKGROUND
        )


def thumbnail_of(gray: NDArray[np.uint8]) -> Thumbnail:
    """A small copy of a frame's luma (H, W), averaged over squares."""
    step = max(1, min(gray.shape) // (2 * THUMBNAIL_PX))
    coarse = np.ascontiguousarray(gray[::step, ::step])
    scale = THUMBNAIL_PX / min(coarse.shape)
    size = (max(1, round(coarse.shape[1] * scale)), max(1, round(coarse.shape[0] * scale)))
    small: Thumbnail = cv2.resize(coarse, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return small


def scene_change(before: Thumbnail, after: Thumbnail) -> SceneChange:
    """The change between two thumbnails of one size."""
    plain = float(np.abs(after - before).mean())
    if plain < SAME_SCENE_LEVELS:
        return SceneChange(match=1.0, levels=plain)
    unchanged = _unchanged(before, after)
    shape = (before.shape[1], before.shape[0])
    # OpenCV multiplies what it is given by the window, in place.
    (dx, dy), response = cv2.phaseCorrelate(before.copy(), after.copy(), _window(shape))
    if not np.isfinite([dx, dy, response]).all() or max(abs(dx) / shape[0], abs(dy) / shape[1]) > 0.5:
        return SceneChange(match=0.0, levels=plain, unchanged=unchanged)
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    moved: Any = cv2.warpAffine(before, shift, shape, borderMode=cv2.BORDER_CONSTANT, borderValue=-1)
    both = moved >= 0
    levels = float(np.abs(moved - after)[both].mean()) if both.any() else plain
    is_shift = response >= SAME_SCENE_MATCH and levels < plain
    return SceneChange(
        match=float(response),
        levels=min(plain, levels),
        unchanged=unchanged,
        shift=(float(dx), float(dy)) if is_shift else (0.0, 0.0),
    )


def _unchanged(before: Thumbnail, after: Thumbnail) -> float:
    steepness = np.hypot(cv2.Sobel(before, cv2.CV_32F, 1, 0), cv2.Sobel(before, cv2.CV_32F, 0, 1))
    texture = steepness > np.median(steepness)
    return float((np.abs(after - before)[texture] < UNCHANGED_LEVELS).mean()) if texture.any() else 0.0


@lru_cache(maxsize=8)
def _window(shape: tuple[int, int]) -> NDArray[np.float32]:
    window: NDArray[np.float32] = cv2.createHanningWindow(shape, cv2.CV_32F)
    return window
