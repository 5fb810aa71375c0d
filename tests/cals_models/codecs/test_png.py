"""The PNG writer: another library reads the same pixels back."""

from __future__ import annotations

import cv2
import numpy as np

from cals_models.codecs.png import encode_png


def test_another_library_reads_the_same_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    decoded = cv2.imdecode(np.frombuffer(encode_png(pixels), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded[..., ::-1], pixels)
