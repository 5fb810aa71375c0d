"""Strips of crops, for people."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from assets.faces.canonical_face import template
from assets.faces.crop_strips import MARK, crop_strip
from assets.faces.packed_jpegs import pack_jpegs
from assets.media.contact_sheet import stacked


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


def packed(num_frames: int) -> tuple[bytes, np.ndarray]:
    return pack_jpegs([np.full((128, 128, 3), 40 + k, np.uint8) for k in range(num_frames)], 95)


def test_a_strip_shows_the_first_and_the_last_crop() -> None:
    strip = np.asarray(opened(crop_strip(*packed(50), num_crops=5)))
    assert strip.shape == (128, 5 * 128, 3)
    assert strip[64, 64, 0] == pytest.approx(40, abs=2) and strip[64, -64, 0] == pytest.approx(89, abs=2)
    assert opened(crop_strip(*packed(3), num_crops=10)).size == (3 * 128, 128)


def test_landmarks_are_drawn_in() -> None:
    points = np.repeat(template(128)[None], 6, axis=0)
    strip = np.asarray(opened(crop_strip(*packed(6), num_crops=6, landmarks=points, valid=np.ones(6, bool))))
    x, y = points[0, 33].round().astype(int)
    assert tuple(strip[y, x]) == MARK and tuple(strip[y, x + 5 * 128]) == MARK


def test_strips_below_one_another() -> None:
    sheet = opened(
        stacked([("first", crop_strip(*packed(4))), ("second \n\N{PILE OF POO}", crop_strip(*packed(6)))])
    )
    assert sheet.width == 6 * 128 and sheet.height > 2 * 128
    with pytest.raises(ValueError, match="at least one"):
        stacked([])
