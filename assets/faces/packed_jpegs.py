"""Frames of a clip as one JPEG after the other, each reached by its byte offset."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import simplejpeg
from numpy.typing import NDArray


def pack_jpegs(crops: Iterable[NDArray[np.uint8]], quality: int) -> tuple[bytes, NDArray[np.int64]]:
    """Packs crops as 4:4:4 JPEGs, which any MJPEG reader plays.

    Args:
        crops: T arrays (H, W, 3) uint8 RGB.
        quality: of the JPEGs, 1 to 100.

    Returns:
        The concatenated JPEGs and the (T + 1,) int64 byte offsets between them.
    """
    coded = [
        simplejpeg.encode_jpeg(crop, quality=quality, colorspace="RGB", colorsubsampling="444")
        for crop in crops
    ]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in coded])]).astype(np.int64)
    return b"".join(coded), offsets


def unpack_jpegs(mjpeg: bytes, offsets: NDArray[np.int64], frames: Iterable[int]) -> NDArray[np.uint8]:
    """Decodes some of the packed frames.

    Args:
        mjpeg: the concatenated JPEGs.
        offsets: (T + 1,) byte offsets between them.
        frames: numbers of the S frames to decode.

    Returns:
        (S, H, W, 3) uint8 RGB.
    """
    return np.stack(
        [simplejpeg.decode_jpeg(mjpeg[offsets[t] : offsets[t + 1]], colorspace="RGB") for t in frames]
    )
