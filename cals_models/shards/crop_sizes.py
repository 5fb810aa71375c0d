"""Crops at another of the sizes that shard sets have, and their lower half.

Legend: T frames, S side of a crop as given, C side wanted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def crops_at(frames: npt.NDArray[np.uint8], crop_px: int) -> npt.NDArray[np.uint8]:
    """Crops reduced to a size, as OpenCV's ``resize`` halves 8-bit images: rounded means of 2 x 2 pixels.

    Args:
        frames: uint8 (T, S, S, 3).
        crop_px: C, equal to S or half of it.

    Returns:
        uint8 (T, C, C, 3); the same array where C is S.

    Raises:
        ValueError: C is neither.
    """
    side = frames.shape[1]
    if side == crop_px:
        return frames
    if side != 2 * crop_px:
        raise ValueError(
            f"crops of {side} px can't be reduced to {crop_px} px; give {side} or {side // 2} px"
        )
    rows = frames[:, 0::2].astype(np.uint16) + frames[:, 1::2]
    reduced: npt.NDArray[np.uint8] = ((rows[:, :, 0::2] + rows[:, :, 1::2] + 2) >> 2).astype(np.uint8)
    return reduced


def lower_rows(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The lower half of crops, which the pose prior hides.

    Args:
        frames: uint8 (T, S, S, 3).

    Returns:
        uint8 (T, S / 2, S, 3), a view.
    """
    return frames[:, frames.shape[1] // 2 :]
