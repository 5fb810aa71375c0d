"""Where and at what scale the detector searches: near a face already followed, or over the whole frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import Detection, FaceBackend, Image
from assets.faces.frames import Frame, Region, luma_of, region_around, rgb_of, whole

# Side of the searched window around a followed face, in sides of its box.
WINDOW_SIDES = 1.7
FIRST_LONG_SIDE_PX = 640
MAX_SEARCH_PIXELS = 4_000_000
SCALE_STEP = 2.0


def backend_image(backend: FaceBackend, frame: Frame, region: Region) -> Image:
    """A region in the colours that the back end reads: uint8 luma (h, w) or RGB (h, w, 3)."""
    return luma_of(frame, region) if backend.reads_luma else rgb_of(frame, region)


def search_scales(width: int, height: int, smallest_px: float, min_detectable_px: float) -> list[float]:
    """Scales at which a whole frame is searched, coarse to fine.

    The first scales the longer side to 640 pixels (never up), each further one is twice as large, and at the last
    a face of ``smallest_px`` has the size that the detector needs. No image exceeds 4 million pixels.
    """
    limit = (MAX_SEARCH_PIXELS / (width * height)) ** 0.5
    first = min(1.0, FIRST_LONG_SIDE_PX / max(width, height), limit)
    last = max(first, min(min_detectable_px / smallest_px, limit))
    scales = [first]
    while scales[-1] * SCALE_STEP < last:
        scales.append(scales[-1] * SCALE_STEP)
    return [*scales, last] if last > scales[-1] else scales


def search_frame(
    backend: FaceBackend, frame: Frame, smallest_px: float, num_scales: int | None
) -> list[Detection]:
    """Faces anywhere in a frame, in source pixels: those of the coarsest scale at which any is found.

    Args:
        backend: detector.
        frame: the frame to search.
        smallest_px: side of the smallest face of interest, source pixels.
        num_scales: scales tried at most; None for all.
    """
    scales = search_scales(frame.width, frame.height, smallest_px, backend.min_detectable_px)
    region = whole(frame)
    source = backend_image(backend, frame, region)
    for scale in scales[:num_scales]:
        found = _to_source(backend.detect([_resized(source, scale)])[0], region, scale)
        if any(detection.confidence >= backend.doubtful_confidence for detection in found):
            return found
    return []


def search_windows(
    backend: FaceBackend, frames: list[Frame], boxes: list[NDArray[np.float32]]
) -> list[list[Detection]]:
    """Faces near a known box (4,) of each frame, in source pixels."""
    regions = [region_around(b, WINDOW_SIDES, f.width, f.height) for f, b in zip(frames, boxes, strict=True)]
    scales = [backend.followed_px / max(float(box[2] - box[0]), 1.0) for box in boxes]
    images = [
        _resized(backend_image(backend, frame, region), scale)
        for frame, region, scale in zip(frames, regions, scales, strict=True)
    ]
    found = backend.detect(images) if images else []
    return [_to_source(d, r, s) for d, r, s in zip(found, regions, scales, strict=True)]


def _resized(image: Image, scale: float) -> Image:
    if scale == 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized: Image = cv2.resize(image, size, interpolation=interpolation)
    return resized


def _to_source(detections: list[Detection], region: Region, scale: float) -> list[Detection]:
    corner = np.array([region.x0, region.y0] * 2, np.float32)
    return [
        Detection(box=detection.box / np.float32(scale) + corner, confidence=detection.confidence)
        for detection in detections
    ]
