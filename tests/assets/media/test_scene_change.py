"""The change between two frames: of the camera, of the light, of the scene."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from assets.media.scene_change import scene_change, thumbnail_of

PHOTO = data.astronaut()[..., 1]


def of(a: np.ndarray, b: np.ndarray) -> tuple[float, float, bool]:
    change = scene_change(thumbnail_of(a), thumbnail_of(b))
    return change.match, change.levels, change.is_same_scene


@pytest.mark.parametrize("shift", [(0, 24), (30, -20), (4, 40)])
def test_a_moved_camera_shows_the_same_scene(shift: tuple[int, int]) -> None:
    y, x = shift
    before, after = PHOTO[60:420, 70:420], PHOTO[60 + y : 420 + y, 70 + x : 420 + x]
    assert np.abs(before.astype(float) - after).mean() > 20
    match, levels, same = of(before, after)
    assert match > 0.8 and levels < 9 and same


def test_a_change_of_light_shows_the_same_scene() -> None:
    brighter = np.clip(PHOTO.astype(int) + 90, 0, 255).astype(np.uint8)
    match, levels, same = of(PHOTO, brighter)
    assert match > 0.85 and levels > 40 and same


def test_other_scenes_and_flat_frames_show_other_scenes() -> None:
    other = np.ascontiguousarray(data.coffee()[:400, :400, 1])
    white, black = np.full((400, 400), 255, np.uint8), np.zeros((400, 400), np.uint8)
    for a, b in ((PHOTO[:400, :400], other), (PHOTO[:400, :400], white), (white, black)):
        match, levels, same = of(a, b)
        assert match < 0.3 and levels > 20 and not same


def test_a_person_who_jumps_before_the_same_background_is_the_same_scene() -> None:
    before = np.random.default_rng(2).integers(60, 200, (24, 32), dtype=np.uint8).repeat(12, 0).repeat(12, 1)
    after = before.copy()
    before[100:288, 130:230] = 20
    after[70:288, 170:280] = 20
    match, levels, same = of(before, after)
    assert match < 0.8 and levels > 10 and same


def test_equal_frames() -> None:
    for same in (PHOTO, np.full((64, 90), 7, np.uint8)):
        assert of(same, same) == (1.0, 0.0, True)


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (64, 64), (96, 160), (2160, 3840)])
def test_thumbnails_have_the_frames_proportions(size: tuple[int, int]) -> None:
    small = thumbnail_of(np.full(size, 50, np.uint8))
    assert min(small.shape) == 96 and small.dtype == np.float32
    assert small.shape[1] / small.shape[0] == pytest.approx(size[1] / size[0], rel=0.02)
    assert (small == 50).all()
