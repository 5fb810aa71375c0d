"""Landmarks of crops, as metrics need them: the same detector on reference and generated crops alike."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend, Image
from assets.faces.canonical_face import template
from assets.faces.landmarks import Points, boxes_of, is_upright_face, overlap

BATCH_FRAMES = 32


def landmarks_of_crops(crops: NDArray[np.uint8], backend: FaceBackend) -> tuple[Points, NDArray[np.bool_]]:
    """Landmarks of aligned crops, and in which of them the detector finds the face.

    Where the face lies is known, so that the landmarks start from one fixed box in every crop: a detector's
    box would jump from frame to frame and with it the landmarks. The detector only says whether there is a
    face.

    Args:
        crops: (T, H, W, 3) RGB, as ``face_crops`` makes them.
        backend: back end.

    Returns:
        (T, 68, 2) float32 crop pixels, and (T,) bool.

    Raises:
        ValueError: crops are not uint8 (T, S, S, 3).
    """
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1] != crops.shape[2] or crops.shape[3] != 3:
        raise ValueError(f"crops are {crops.dtype} {crops.shape}; give uint8 (T, S, S, 3)")
    box = boxes_of(template(crops.shape[1]))
    zoom = backend.followed_px / float(box[2] - box[0])
    points: list[Points] = []
    found: list[bool] = []
    for start in range(0, len(crops), BATCH_FRAMES):
        images = [_as_read(crop, backend) for crop in crops[start : start + BATCH_FRAMES]]
        points += list(backend.landmarks(images, [box] * len(images)))
        seen = backend.detect([_zoomed(image, zoom) for image in images])
        found += [any(overlap(d.box / zoom, box) >= 0.3 for d in detections) for detections in seen]
    plausible = [is_upright_face(face) for face in points]
    return np.stack(points).astype(np.float32), np.array(found) & np.array(plausible)


def _as_read(crop: NDArray[np.uint8], backend: FaceBackend) -> Image:
    if not backend.reads_luma:
        return crop
    luma: Image = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return luma


def _zoomed(image: Image, zoom: float) -> Image:
    zoomed: Image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    return zoomed
