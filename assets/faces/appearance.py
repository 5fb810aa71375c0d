"""The appearance of a face: enough to decide whether a later frame shows the same one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import fit_similarity
from assets.faces.backends.interface import Image
from assets.faces.canonical_face import template
from assets.faces.landmarks import RIGID, Points, spread

Appearance = NDArray[np.float32]
"""(32, 32) float32 of zero mean and unit norm."""

APPEARANCE_PX = 32
# The square of the canonical face (128 px) that the appearance shows: upper left corner x, y, and side.
UPPER_FACE_CORNER = (28.0, 34.0)
UPPER_FACE_PX = 72.0
# Standard deviation in grey levels below which a face has no contrast.
FLAT_STD = 3.0


def appearance_of(image: Image, points: Points) -> Appearance | None:
    """Brows, eyes and nose as a small upright image; None where it has no contrast.

    Args:
        image: uint8 luma (h, w) or RGB (h, w, 3) that holds the face.
        points: (68, 2) landmarks in that image, pixels.

    Returns:
        (32, 32) float32 of zero mean and unit norm.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    canonical = template(128)
    zoom = APPEARANCE_PX / UPPER_FACE_PX
    reduction = max(1, int(float(spread(points)) / (float(spread(canonical)) * zoom)))
    if reduction > 1:
        size = (max(1, grey.shape[1] // reduction), max(1, grey.shape[0] // reduction))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    target = (canonical[RIGID] - np.array(UPPER_FACE_CORNER)) * zoom
    transform = fit_similarity((points[RIGID] + 0.5) / reduction - 0.5, target)
    upper_face = cv2.warpAffine(
        grey, transform, (APPEARANCE_PX, APPEARANCE_PX), borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    upper_face -= upper_face.mean()
    if upper_face.std() < FLAT_STD:
        return None
    normed: Appearance = (upper_face / np.linalg.norm(upper_face)).astype(np.float32)
    return normed


def similarity(a: Appearance | None, b: Appearance | None) -> float:
    """Correlation of two appearances, -1 to 1; 0 if one is missing."""
    return 0.0 if a is None or b is None else float((a * b).sum())
