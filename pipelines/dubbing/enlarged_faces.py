"""Faces that are smaller in the video than the model draws them: they gain no sharpness by a model of large crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cals_models.shards.shard_format import BASE_CROP_PX
from pipelines.dubbing.choose_faces import Stretch

# Crop pixels per frame pixel from which a face counts as enlarged.
ENLARGED_FROM = 1.1


def enlarged_faces(stretches: Sequence[Stretch], crop_px: int) -> str | None:
    """What is said of faces smaller than large crops; None where there is nothing to say.

    Args:
        stretches: of the chosen faces.
        crop_px: side of the crops that the model draws; for 128 px nothing is said, since no model draws less.
    """
    sides = [_side_px(stretch, crop_px) for stretch in stretches]
    small = [side for side in sides if ENLARGED_FROM * side < crop_px]
    if crop_px == BASE_CROP_PX or not small:
        return None
    low, high = min(small), max(small)
    size = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
    where = "" if len(small) == len(sides) else f" in {len(small)} of {len(sides)} stretches"
    return (
        f"the face's crop is {size} px wide in the video{where}, and was enlarged to the {crop_px} px that the model draws: "
        "the mouth has no more detail than the video"
    )


def _side_px(stretch: Stretch, crop_px: int) -> float:
    """Median side of the crop in the frame, pixels."""
    scales = np.hypot(stretch.transforms[:, 0, 0], stretch.transforms[:, 1, 0])
    return crop_px / float(np.median(scales))
