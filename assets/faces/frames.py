"""What the face stages need of a decoded frame, and the regions of it that they keep."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray


class Frame(Protocol):
    """An upright frame that converts only what is requested, such as ``assets.media.decoded_frame.DecodedFrame``."""

    width: int
    height: int

    def gray(self) -> NDArray[np.uint8]:
        """(height, width) uint8 luma of the whole frame; read-only."""
        ...

    def rgb(self, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """(y1 - y0, x1 - x0, 3) uint8 RGB of a region (x0, y0, x1, y1) inside the frame."""
        ...


class Region(NamedTuple):
    """A rectangle of whole source pixels, kept at 1 / ``reduction`` of its size; both sides are multiples of it."""

    x0: int
    y0: int
    x1: int
    y1: int
    reduction: int


def region_around(
    box: NDArray[np.float32], margin: float, width: int, height: int, reduction: int = 1
) -> Region:
    """A box grown about its centre, cut to the frame.

    Corners have even coordinates, so that 4:2:0 chroma needs no interpolation at the edges.

    Args:
        box: (4,) x0, y0, x1, y1, source pixels.
        margin: side of the region, in sides of the box.
        width, height: of the frame, pixels.
        reduction: factor by which the region is scaled down when it is kept.
    """
    centre = (box[:2] + box[2:]) / 2
    half = margin * float(max(box[2] - box[0], box[3] - box[1])) / 2
    step = 2 * reduction
    bounds = []
    for middle, size in zip(centre, (width, height), strict=True):
        low = min(max(int(middle - half), 0), max(size - step, 0)) // 2 * 2
        high = min(max(int(np.ceil(middle + half)), low + 1), size)
        length = min(-(-(high - low) // step) * step, (size - low) // step * step)
        bounds.append((low, low + max(length, 1)))
    (x0, x1), (y0, y1) = bounds
    return Region(x0, y0, x1, y1, reduction if min(x1 - x0, y1 - y0) >= step else 1)


def finer(region: Region, factor: float) -> Region:
    """The same rectangle, kept at a reduction that is smaller by the factor or more.

    Args:
        region: its sides are multiples of twice its reduction.
        factor: 1 or more.
    """
    most = region.reduction / factor
    reductions = [r for r in range(1, region.reduction + 1) if r <= most and 2 * region.reduction % r == 0]
    return region._replace(reduction=max(reductions, default=1))


def whole(frame: Frame) -> Region:
    return Region(0, 0, frame.width, frame.height, 1)


def luma_of(frame: Frame, region: Region) -> NDArray[np.uint8]:
    """(h, w) uint8 luma of a region at full size, contiguous."""
    return np.ascontiguousarray(frame.gray()[region.y0 : region.y1, region.x0 : region.x1])


def rgb_of(frame: Frame, region: Region) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB of a region, averaged over squares of ``reduction`` pixels."""
    image = frame.rgb((region.x0, region.y0, region.x1, region.y1))
    if region.reduction == 1:
        return image
    size = (image.shape[1] // region.reduction, image.shape[0] // region.reduction)
    reduced: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return reduced


def region_to_source(region: Region) -> NDArray[np.float64]:
    """(2, 3) transform from pixel centres of a region's image to pixel centres of the frame."""
    step = region.reduction
    shift = (step - 1) / 2
    return np.array([[step, 0, region.x0 + shift], [0, step, region.y0 + shift]], np.float64)
