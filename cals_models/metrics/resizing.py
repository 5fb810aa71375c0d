"""Bilinear resizing of 8-bit images in fixed point, bit for bit as OpenCV's ``resize`` does it by default.

Evaluation protocols resize with OpenCV; another rounding moves LSE-C by up to 0.1 %, more than values from two machines
should differ. So OpenCV's integer arithmetic is repeated here: weights of 11 bits, horizontal pass first, two truncations
in the vertical pass.

Legend: N images, C colours, H, W height and width in pixels.
"""

from functools import lru_cache

import torch
from torch import Tensor

_WEIGHT_BITS = 11
_PLANES_AT_ONCE = 12


def resize_8bit(images: Tensor, height: int, width: int) -> Tensor:
    """Resizes by bilinear interpolation without smoothing.

    Args:
        images: uint8 (N, C, H, W).
        height, width: of the result, in pixels. Where both are exactly half of the given size, OpenCV averages
            instead, and so does this function.

    Returns:
        uint8 (N, C, height, width).

    Raises:
        ValueError: not uint8 (N, C, H, W), or a size below 1.

    Source: OpenCV, ``cv::resize`` with ``INTER_LINEAR`` on 8-bit data; the tests compare with it.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"images must be uint8 (N, C, H, W); got {images.dtype} {tuple(images.shape)}")
    if height < 1 or width < 1:
        raise ValueError(f"the size wanted is {height} x {width}; give at least 1 x 1")
    if images.shape[2:] == (height, width):
        return images
    planes = images.flatten(0, 1)
    if images.shape[2:] == (2 * height, 2 * width):
        resized = _halve(planes)
    else:
        resized = torch.cat([_bilinear(some, height, width) for some in torch.split(planes, _PLANES_AT_ONCE)])
    return resized.reshape(*images.shape[:2], height, width)


def _bilinear(planes: Tensor, height: int, width: int) -> Tensor:
    left, right, left_weight, right_weight = (
        part.to(planes.device) for part in _columns(planes.shape[2], width)
    )
    upper, lower, upper_weight, lower_weight = (
        part.to(planes.device) for part in _rows(planes.shape[1], height)
    )
    wide = planes.int()
    wide = wide.index_select(2, left) * left_weight + wide.index_select(2, right) * right_weight
    wide >>= 4
    tall = (wide.index_select(1, upper) * upper_weight[:, None]) >> 16
    tall += (wide.index_select(1, lower) * lower_weight[:, None]) >> 16
    return ((tall + 2) >> 2).to(torch.uint8)


def _halve(planes: Tensor) -> Tensor:
    wide = planes.int()
    fours = wide[:, 0::2, 0::2] + wide[:, 0::2, 1::2] + wide[:, 1::2, 0::2] + wide[:, 1::2, 1::2]
    return ((fours + 2) >> 2).to(torch.uint8)


@lru_cache(maxsize=64)
def _columns(old: int, new: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    place, share = _places(old, new)
    outside = (place < 0) | (place >= old - 1)
    share = torch.where(outside, torch.zeros_like(share), share)
    return *_clipped(place, old), *_weights(share)


@lru_cache(maxsize=64)
def _rows(old: int, new: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    place, share = _places(
        old, new
    )  # unlike columns: beyond the edge both neighbours are the edge row, weights stay
    return *_clipped(place, old), *_weights(share)


def _places(old: int, new: int) -> tuple[Tensor, Tensor]:
    """Place of each new pixel in the old row: its left neighbour, and the share of the right one."""
    centre = ((torch.arange(new, dtype=torch.float64) + 0.5) * (old / new) - 0.5).float()
    place = centre.floor()
    return place.long(), centre - place


def _clipped(place: Tensor, old: int) -> tuple[Tensor, Tensor]:
    return place.clamp(0, old - 1), (place + 1).clamp(0, old - 1)


def _weights(share: Tensor) -> tuple[Tensor, Tensor]:
    one = 1 << _WEIGHT_BITS
    return ((1 - share) * one).round().int(), (share * one).round().int()
