"""Regions of a frame."""

from __future__ import annotations

import numpy as np

from assets.faces.frames import Region, region_around


def test_regions_stay_inside_and_start_on_even_pixels() -> None:
    for box in ([-50, -50, 40, 40], [350, 300, 460, 410], [-100, -100, 900, 900], [10, 10, 13, 13]):
        for reduction in (1, 3):
            region = region_around(np.array(box, np.float32), 1.4, 397, 355, reduction)
            assert isinstance(region, Region)
            assert 0 <= region.x0 < region.x1 <= 397 and 0 <= region.y0 < region.y1 <= 355
            assert region.x0 % 2 == region.y0 % 2 == 0
            assert (
                (region.x1 - region.x0) % region.reduction == (region.y1 - region.y0) % region.reduction == 0
            )
