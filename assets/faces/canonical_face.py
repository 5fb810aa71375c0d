"""The face to which every clip is aligned."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from assets.faces.landmarks import Points

TEMPLATE_PX = 128
MOUTH_ROW = 96.0
_TEMPLATE = np.array([
    # jaw
    (25.8, 58.4), (26.6, 69), (27.9, 79.4), (29.6, 89.7), (32.5, 99.4), (37.6, 108.1), (45, 115.1),
    (53.7, 120.2), (64, 122), (74.3, 120.2), (83, 115.1), (90.4, 108.1), (95.5, 99.4), (98.4, 89.7),
    (100.1, 79.4), (101.4, 69), (102.2, 58.4),
    # brows
    (32.5, 48.5), (37.2, 43.8), (44, 42.3), (51.2, 43.5), (57.9, 46.1), (70.1, 46.1), (76.8, 43.5),
    (84, 42.3), (90.8, 43.8), (95.5, 48.5),
    # nose
    (64, 54), (64, 60.4), (64, 66.6), (64, 73.4), (56.3, 79.7), (60, 81), (64, 82), (68, 81),
    (71.7, 79.7),
    # eyes
    (40.2, 56.4), (44.3, 53.9), (49.4, 53.9), (54, 57), (49.2, 58.1), (44.1, 58.3), (74, 57),
    (78.6, 53.9), (83.7, 53.9), (87.8, 56.4), (83.9, 58.3), (78.8, 58.1),
    # outer lip
    (50.1, 95.7), (55.1, 92.3), (60.3, 90.4), (64, 91.3), (67.7, 90.4), (72.9, 92.3), (77.9, 95.7),
    (73, 100.2), (68.1, 102), (64, 102.6), (59.9, 102), (55, 100.2),
    # inner lip
    (52.5, 95.7), (60.3, 94), (64, 94.3), (67.7, 94), (75.5, 95.7), (67.8, 96.9), (64, 97.5),
    (60.2, 96.9),
], np.float32)  # fmt: skip


@lru_cache
def template(crop_px: int) -> Points:
    """(68, 2) float32 canonical face in crop pixels, read-only: a symmetric mean over speakers of GRID and others.

    Of 128 rows the mouth's centre is on row 96 and the chin on row 122, which leaves room for the jaw to drop; the
    forehead reaches the upper edge.
    """
    points = ((_TEMPLATE + 0.5) * (crop_px / TEMPLATE_PX) - 0.5).astype(np.float32)
    points.flags.writeable = False
    return points
