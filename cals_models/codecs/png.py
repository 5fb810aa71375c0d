"""A PNG writer for training previews: a machine that trains may have torch and numpy but no image library."""

import struct
import zlib

import numpy as np
import numpy.typing as npt


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encodes an image as PNG.

    Args:
        pixels: uint8 (H, W, 3), RGB.

    Source: RFC 2083.
    """
    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )
