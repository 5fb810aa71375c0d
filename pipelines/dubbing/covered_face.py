"""Frames in which something covers the mouth, a hand or a microphone: they are left alone.

The mouth's surroundings have a structure, lips, chin and the lines beside the nose, that is much the same throughout a video,
whatever the mouth does. A frame in which it is unlike that of all other frames shows something else.

Legend: S side of a crop, K frames that are compared with, D values of a patch.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

# Part of the crop that is compared, in sides of the crop: top, bottom, left, right; and the size of the patch.
TOP, BOTTOM, LEFT, RIGHT = 0.6, 0.97, 0.265, 0.735
PATCH_PX = (30, 24)
# Blur of the patch, and of what is taken from it, so that light counts little.
FINE_SIGMA, COARSE_SIGMA = 0.8, 6.0
# Frames compared with at most, those that the search has kept and later ones.
MOST_KEPT = 400
# A frame shows the usual mouth if it is like this share of the others, as much as the median frame less the slack.
SUPPORT, SLACK = 0.2, 0.12
# Correlation with the most similar usual frame below which a frame is covered: that support of the median frame less a
# margin, which is the larger, the less alike the frames of a person are (STILL: of one who hardly moves). From so much
# above it on it is free again.
MARGIN, LIVELY_MARGIN, STILL, MOST_COVERED, FREE_ABOVE = 0.08, 1.0, 0.95, 0.85, 0.04
# More alike ones add nothing.
SAME = 0.97


def patch_of(crop: NDArray[np.uint8]) -> Values:
    """(D,) structure of the mouth's surroundings in a crop (S, S, 3) RGB or (S, S) grey: zero mean, unit norm."""
    side = crop.shape[0]
    part = crop[round(TOP * side) : round(BOTTOM * side), round(LEFT * side) : round(RIGHT * side)]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY) if part.ndim == 3 else part
    small = cv2.resize(grey, PATCH_PX, interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = cv2.GaussianBlur(small, (0, 0), FINE_SIGMA)
    lines = fine - cv2.GaussianBlur(fine, (0, 0), COARSE_SIGMA)
    lines -= lines.mean()
    patch: Values = (lines / max(float(np.linalg.norm(lines)), 1e-3)).ravel()
    return patch


class UsualMouth:
    """How the mouth of one stretch usually looks, which later frames add to."""

    def __init__(self, patches: Sequence[Values]) -> None:
        """Takes patches (D,) from all over the stretch; covered ones may be among them, if they are fewer than the others."""
        given = np.stack(patches)
        support = np.quantile(given @ given.T, 1 - SUPPORT, axis=1)
        middle = float(np.median(support))
        self._least_support = middle - SLACK
        margin = MARGIN + LIVELY_MARGIN * max(STILL - middle, 0)
        self._covered_below = min(middle - margin, MOST_COVERED)
        self._known: Values = given[support >= self._least_support]
        self._is_covered = False

    def covers(self, crop: NDArray[np.uint8]) -> bool:
        """Whether something covers the mouth of a crop (S, S, 3) RGB; frames are given in order."""
        patch = patch_of(crop)
        likeness = self._known @ patch
        nearest = float(likeness.max())
        self._is_covered = nearest < self._covered_below + FREE_ABOVE * self._is_covered
        if nearest < SAME and len(self._known) < MOST_KEPT and self._supports(likeness):
            self._known = np.concatenate([self._known, patch[None]])
        return self._is_covered

    def _supports(self, likeness: Values) -> bool:
        return float(np.quantile(likeness, 1 - SUPPORT)) >= self._least_support
