"""The numpy decoder of JPEGs: the pixels of libjpeg-turbo, and one line for files that it cannot read."""

from __future__ import annotations

import numpy as np
import pytest
import simplejpeg
from skimage.data import astronaut

from cals_models.codecs.jpeg import JpegError, decode_jpegs


def image(seed: int) -> np.ndarray:
    row, column = np.random.default_rng(seed).integers(0, 384, 2)
    return np.ascontiguousarray(astronaut()[row : row + 128, column : column + 128])


def encoded(pixels: np.ndarray, *, quality: int = 95, subsampling: str = "444") -> bytes:
    return simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling=subsampling)


@pytest.mark.parametrize("quality", [95, 40])
def test_every_pixel_is_that_of_the_library(quality: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    files = [encoded(pixels, quality=quality) for pixels in (image(1), image(2), noise[::-1] // 4)]
    true = np.stack([simplejpeg.decode_jpeg(file, "RGB") for file in files])
    assert np.array_equal(decode_jpegs([memoryview(file) for file in files]), true)


def test_other_sizes_and_extreme_pixels() -> None:
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[::2, ::3] = 255
    file = encoded(pixels, quality=100)
    assert np.array_equal(decode_jpegs([file])[0], simplejpeg.decode_jpeg(file, "RGB"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: b"GIF89a", "does not begin as a JPEG"),
        (lambda file: file[:200], "damaged header|ends before its scan"),
        (lambda file: file[: len(file) // 2], "ends before its last block|more than 64|are no code"),
        (lambda file: encoded(image(1), subsampling="420"), "install simplejpeg"),
    ],
)
def test_files_that_cannot_be_read_are_named(change: object, says: str) -> None:
    with pytest.raises(JpegError, match=says):
        decode_jpegs([change(encoded(image(1)))])  # type: ignore[operator]


def test_images_of_other_tables_are_not_mixed() -> None:
    with pytest.raises(JpegError, match="image 1 has another size or other tables"):
        decode_jpegs([encoded(image(1)), encoded(image(1), quality=50)])
