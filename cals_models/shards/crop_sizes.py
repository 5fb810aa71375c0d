"""Crops at another of the sizes that shard sets have, and their lower half.

Legend: T frames, S side of a crop as given, C side wanted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cals_models.shards.shard_set import ShardSet


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


def common_crop_px(sets: Sequence[ShardSet]) -> int:
    """Side of the crops of some shard sets.

    Raises:
        ValueError: they differ.
    """
    first = sets[0]
    for other in sets[1:]:
        if other.crop_px != first.crop_px:
            raise ValueError(
                f"{other.folder}: crops of {other.crop_px} px, those of {first.dataset} are {first.crop_px} px; give both"
                " datasets the same face_crops.crop_px"
            )
    return first.crop_px
