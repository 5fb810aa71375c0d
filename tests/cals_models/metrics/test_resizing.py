"""Resizing equals OpenCV's, bit for bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from cals_models.metrics.resizing import resize_8bit


@pytest.mark.parametrize(
    ("height", "width"),
    [(128, 128), (256, 256), (96, 96), (448, 448), (448, 224), (160, 111), (333, 480), (7, 5)],
)
def test_equals_opencv_bit_for_bit(height: int, width: int) -> None:
    images = np.random.default_rng(height).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    expected = np.stack([cv2.resize(image, (224, 224)) for image in images])
    resized = resize_8bit(torch.from_numpy(images).permute(0, 3, 1, 2), 224, 224)
    np.testing.assert_array_equal(resized.permute(0, 2, 3, 1), expected)


def test_an_image_of_the_requested_size_is_unchanged() -> None:
    images = torch.randint(0, 256, (1, 3, 9, 8), dtype=torch.uint8)
    assert torch.equal(resize_8bit(images, 9, 8), images)


def test_rejects_what_is_not_8_bit_images() -> None:
    with pytest.raises(ValueError, match="uint8"):
        resize_8bit(torch.zeros(1, 3, 8, 8), 4, 4)
    with pytest.raises(ValueError, match="at least 1 x 1"):
        resize_8bit(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 0, 4)
