"""Pixels that nothing is drawn on stay the same bit for bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assets.media.decoded_frame import DecodedFrame
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.paste_mouth import lower_face_mask, paste_mouth
from pipelines.dubbing.visible_mark import draw_mark
from tests.pipelines.dubbing.dub_inputs import TO_CROP, frame_of, planes_of
from tests.support.array_frames import astronaut


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_outside_the_mask_every_sample_is_the_sources(pixel_format: str) -> None:
    frame = frame_of(pixel_format)
    mask = lower_face_mask(128)
    planes = FramePlanes(frame)
    paste_mouth(planes, np.full((128, 128, 3), (255, 0, 255), np.uint8), TO_CROP, mask)
    weight = cv2.warpAffine(mask, TO_CROP, (400, 320), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    touched = cv2.dilate((weight > 0).astype(np.uint8), np.ones((3, 3))) > 0
    before, after = planes_of(frame), planes_of(planes.frame())
    assert np.array_equal(before[0][~touched], after[0][~touched])
    fine = touched.reshape(160, 2, 200, 2).any(axis=(1, 3))
    for plane in (1, 2):
        assert np.array_equal(before[plane][~fine], after[plane][~fine])
    drawn = DecodedFrame(planes.frame()).rgb()[weight > 0.99].astype(int)
    assert np.abs(drawn.mean(axis=0) - (255, 0, 255)).max() < 12


def test_ten_bits_and_rgb_come_out_as_8_bit_420_of_the_same_colours() -> None:
    for pixel_format in ("yuv422p10le", "rgb24", "yuv444p"):
        converted = FramePlanes(frame_of(pixel_format)).frame()
        assert converted.format.name == "yuv420p"
        assert np.abs(DecodedFrame(converted).rgb().astype(int) - astronaut()).mean() < 4


def test_the_mark_is_small_and_in_the_corner() -> None:
    frame = frame_of("yuv420p")
    planes = FramePlanes(frame)
    draw_mark(planes)
    changed = planes.luma != planes_of(frame)[0]
    rows, columns = np.nonzero(changed)
    assert rows.min() > 280 and columns.max() < 160 and 0.002 < changed.mean() < 0.04
