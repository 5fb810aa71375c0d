"""Numbers of shots: real cuts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
import pytest
from skimage import data

from assets.faces.shots import INSERT, numbered_shots
from tests.support.array_frames import ArrayFrame, Rgb

WIDTH, HEIGHT = 320, 240


@lru_cache
def scene(name: str) -> Rgb:
    return cv2.resize(getattr(data, name)()[..., :3], (480, 360), interpolation=cv2.INTER_AREA)


def filmed(name: str, num: int, path: Callable[[int], tuple[float, float]] = lambda _: (0, 0)) -> list[Rgb]:
    """Frames of a scene from a camera that moves along a path, pixels."""
    corners = [(round(40 + x), round(40 + y)) for x, y in map(path, range(num))]
    return [scene(name)[y : y + HEIGHT, x : x + WIDTH] for x, y in corners]


def shots(frames: Sequence[Rgb]) -> list[int]:
    return [one.shot for one in numbered_shots(ArrayFrame(frame) for frame in frames)]


def brighter(frame: Rgb, levels: int) -> Rgb:
    return np.clip(frame.astype(int) + levels, 0, 255).astype(np.uint8)


def shake(hz: float) -> Callable[[int], tuple[float, float]]:
    return lambda k: (24 * np.sin(2 * np.pi * hz * k / 25), 6 * np.cos(2 * np.pi * hz * k / 25))


@pytest.mark.parametrize(
    "path",
    [
        lambda _: (0, 0),
        shake(0.8),
        shake(2),
        shake(4),
        lambda k: (2.5 * k, 0),  # a pan
        lambda k: (40 if k >= 12 else 0, 0),  # a bump
    ],
)
def test_a_moving_camera_is_one_shot(path: Callable[[int], tuple[float, float]]) -> None:
    assert shots(filmed("astronaut", 30, path)) == [0] * 30


def test_a_cut_is_found_also_while_the_camera_shakes() -> None:
    for path in (lambda _: (0, 0), shake(0.8), shake(4)):
        frames = [*filmed("astronaut", 15, path), *filmed("coffee", 15, path), *filmed("chelsea", 15, path)]
        assert shots(frames) == [0] * 15 + [1] * 15 + [2] * 15


@pytest.mark.parametrize("length", [1, 3, 12])
def test_frames_after_which_the_shot_goes_on_are_an_insert(length: int) -> None:
    for inserted in (np.full((HEIGHT, WIDTH, 3), 255, np.uint8), filmed("coffee", 1)[0]):
        frames = filmed("astronaut", 40, shake(0.8 if length < 12 else 0.3))
        frames[10 : 10 + length] = [inserted] * length
        assert shots(frames) == [0] * 10 + [INSERT] * length + [0] * (30 - length)


def test_a_longer_insert_is_a_shot_of_its_own() -> None:
    frames = filmed("astronaut", 50)
    frames[10:24] = filmed("coffee", 14)
    assert shots(frames) == [0] * 10 + [1] * 14 + [2] * 26


def test_a_change_of_light_is_no_cut() -> None:
    frames = filmed("astronaut", 30, shake(0.8))
    for first, last in ((10, 11), (20, 30)):
        frames[first:last] = [brighter(frame, 80) for frame in frames[first:last]]
    assert shots(frames) == [0] * 30


def test_cuts_at_the_ends_and_of_short_clips() -> None:
    frames = filmed("astronaut", 20)
    assert shots([*filmed("coffee", 1), *frames]) == [0] + [1] * 20
    assert shots([*frames, *filmed("coffee", 1)]) == [0] * 20 + [1]
    assert shots(frames[:1]) == [0] and shots([]) == []


def test_frames_are_held_back_only_where_the_frame_changes() -> None:
    read = 0

    def source() -> object:
        nonlocal read
        for frame in [*filmed("astronaut", 20), *filmed("coffee", 20)]:
            read += 1
            yield ArrayFrame(frame)

    ahead = [read - index - 1 for index, _ in enumerate(numbered_shots(source()))]
    assert max(ahead[:20]) == 0 and max(ahead) == 12


def test_the_cameras_movement_is_measured() -> None:
    frames = filmed("astronaut", 20, lambda k: (5 * k, -2 * k))
    shifts = np.array([one.shift for one in numbered_shots(ArrayFrame(frame) for frame in frames)])
    assert np.abs(shifts[1:] - (-5, 2)).max() < 1 and not shifts[0].any()
    cut = [*filmed("astronaut", 10), *filmed("coffee", 10)]
    assert not any(one.shift.any() for one in numbered_shots(ArrayFrame(frame) for frame in cut))
