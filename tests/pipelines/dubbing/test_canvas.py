"""What is not drawn on stays as it was, to the last bit."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import pytest

from assets.media.decoded_frame import DecodedFrame
from pipelines.dubbing.canvas import Canvas
from pipelines.dubbing.mouths import ColourMatch, changed_share, cut_crop
from pipelines.dubbing.paste import lower_face_mask
from tests.support.array_frames import astronaut

# a face of 100 px, turned a little, in a frame of 400 x 320
TO_CROP = cv2.getRotationMatrix2D((170, 150), 7, 1.1) - np.array([[0, 0, 106], [0, 0, 86]])


def frame_of(pixel_format: str) -> Any:
    return av.VideoFrame.from_ndarray(astronaut(), format="rgb24").reformat(format=pixel_format)


def planes(frame: Any) -> list[np.ndarray]:
    return [
        np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width].copy()
        for p in frame.planes
    ]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_outside_the_mask_every_sample_is_the_sources(pixel_format: str) -> None:
    frame = frame_of(pixel_format)
    mask = lower_face_mask(128)
    canvas = Canvas(frame)
    canvas.paste(np.full((128, 128, 3), (255, 0, 255), np.uint8), TO_CROP, mask)
    weight = cv2.warpAffine(mask, TO_CROP, (400, 320), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    touched = cv2.dilate((weight > 0).astype(np.uint8), np.ones((3, 3))) > 0
    before, after = planes(frame), planes(canvas.frame())
    assert np.array_equal(before[0][~touched], after[0][~touched])
    fine = touched.reshape(160, 2, 200, 2).any(axis=(1, 3))
    for plane in (1, 2):
        assert np.array_equal(before[plane][~fine], after[plane][~fine])
    drawn = DecodedFrame(canvas.frame()).rgb()[weight > 0.99].astype(int)
    assert np.abs(drawn.mean(axis=0) - (255, 0, 255)).max() < 12


def test_the_true_crop_changes_next_to_nothing() -> None:
    frame = frame_of("yuv420p")
    crop = cut_crop(DecodedFrame(frame), TO_CROP, 128)
    canvas = Canvas(frame)
    canvas.paste(crop, TO_CROP, lower_face_mask(128))
    change = np.abs(DecodedFrame(canvas.frame()).rgb().astype(int) - DecodedFrame(frame).rgb())
    assert 0 < change.mean() < 0.2


def test_a_crop_outside_the_frame_and_one_without_weight_change_nothing() -> None:
    frame = frame_of("yuv420p")
    canvas, black = Canvas(frame), np.zeros((128, 128, 3), np.uint8)
    canvas.paste(black, TO_CROP + np.array([[0, 0, 2000], [0, 0, 0]]), lower_face_mask(128))
    canvas.paste(black, TO_CROP, np.zeros((128, 128), np.float32))
    assert all(np.array_equal(*pair) for pair in zip(planes(frame), planes(canvas.frame()), strict=True))


def test_only_what_was_changed_is_shown() -> None:
    true = cv2.resize(astronaut()[80:280, 100:300], (128, 128))
    noisy = np.clip(true + np.random.default_rng(0).normal(0, 1, true.shape), 0, 255).astype(np.uint8)
    noisy[88:104, 48:80] = (90, 20, 30)
    share = changed_share(noisy, true)
    assert share.dtype == np.float32 and share.min() >= 0 and share[92:100, 54:74].min() > 0.9
    assert share[:76].max() < 0.2 and share[:, :36].max() < 0.2 and not changed_share(true, true).any()


def test_ten_bits_and_rgb_come_out_as_8_bit_420_of_the_same_picture() -> None:
    for pixel_format in ("yuv422p10le", "rgb24", "yuv444p"):
        made = Canvas(frame_of(pixel_format)).frame()
        assert made.format.name == "yuv420p"
        assert np.abs(DecodedFrame(made).rgb().astype(int) - astronaut()).mean() < 4


def test_the_mark_is_small_and_in_the_corner() -> None:
    frame = frame_of("yuv420p")
    canvas = Canvas(frame)
    canvas.mark()
    changed = canvas.luma != planes(frame)[0]
    rows, columns = np.nonzero(changed)
    assert rows.min() > 280 and columns.max() < 160 and 0.002 < changed.mean() < 0.04


def test_colours_meet_along_the_edge_and_the_mouth_is_not_copied() -> None:
    mask = lower_face_mask(128)
    true = cv2.resize(astronaut()[80:280, 100:300], (128, 128))
    drawn = np.clip(true.astype(int) + np.array([18, 10, -12]), 0, 255).astype(np.uint8)
    match = ColourMatch(mask)
    inside = mask > 0.9
    assert np.abs(match(drawn, true)[inside].astype(int) - true[inside]).mean() < 2.5
    other_mouth = true.copy()
    other_mouth[88:104, 48:80] = (90, 20, 30)
    kept = ColourMatch(mask)(other_mouth, true)[90:102, 52:76].astype(int)
    assert np.abs(kept - (90, 20, 30)).mean() < 3
