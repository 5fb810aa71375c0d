"""A hand or a microphone before the mouth is noticed; speech, beards, blur and light are not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from pipelines.dubbing.close_mouth import close_mouth
from pipelines.dubbing.covered_face import UsualMouth, patch_of
from tests.pipelines.dubbing.dub_inputs import smile
from tests.support.array_frames import Rgb, moved

Cover = Callable[[Rgb, int], Rgb]
SPAN = range(24, 36)


def hand(crop: Rgb, frame: int) -> Rgb:
    """A skin-coloured ellipse with the shadows of fingers, which moves."""
    covered, x = crop.copy(), 60 + int(8 * np.sin(frame / 4))
    cv2.ellipse(covered, (x, 98), (27, 19), 30, 0, 360, (205, 150, 125), -1)
    for finger in range(3):
        cv2.line(covered, (x - 14 + 10 * finger, 88), (x - 4 + 10 * finger, 110), (150, 100, 80), 1)
    return covered


def microphone(crop: Rgb, frame: int) -> Rgb:
    covered = crop.copy()
    cv2.ellipse(covered, (62 + int(4 * np.sin(frame / 5)), 108), (15, 18), 0, 0, 360, (25, 25, 28), -1)
    return covered


def beard(crop: Rgb, frame: int) -> Rgb:
    mask = np.zeros(crop.shape[:2], np.float32)
    cv2.ellipse(mask, (62, 108), (30, 20), 0, 0, 180, 1.0, -1)
    return np.rint(crop * (1 - 0.7 * mask[..., None])).astype(np.uint8)


def blurred(crop: Rgb, frame: int) -> Rgb:
    return cv2.blur(crop, (9, 1)) if frame in SPAN else crop


def darker(crop: Rgb, frame: int) -> Rgb:
    return (crop * 0.6).astype(np.uint8) if frame in SPAN else crop


def talking(change: Cover) -> list[Rgb]:
    """100 frames of a face that speaks and nods a little, some or all of them changed."""
    crop, points = smile()
    frames = []
    for frame in range(100):
        spoken = close_mouth(crop, points, 0.02, share=0.5 + 0.5 * float(np.sin(frame / 2)))
        nodding = moved(spoken, 1.5 * float(np.sin(frame / 9)), float(np.cos(frame / 11)))
        frames.append(change(nodding, frame))
    return frames


def covered_frames(frames: list[Rgb]) -> set[int]:
    usual = UsualMouth([patch_of(frame) for frame in frames])
    return {number for number, frame in enumerate(frames) if usual.covers(frame)}


@pytest.mark.parametrize("cover", [hand, microphone])
def test_what_lies_before_the_mouth_is_noticed(cover: Cover) -> None:
    frames = talking(lambda crop, frame: cover(crop, frame) if frame in SPAN else crop)
    assert covered_frames(frames) == set(SPAN)


@pytest.mark.parametrize("change", [beard, blurred, darker, lambda crop, frame: crop])
def test_speech_beards_blur_and_light_are_no_cover(change: Cover) -> None:
    assert not covered_frames(talking(change))


def test_a_photograph_is_not_covered() -> None:
    crop, _ = smile()
    assert not UsualMouth([patch_of(crop)]).covers(crop)
