"""Placing and cutting crops: padding, aliasing, and the check that the mouth stays in the lower half."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from assets.faces.alignment import apply_transforms
from assets.faces.canonical_face import template
from assets.faces.crop_clip import cut_crops
from assets.faces.crop_plan import padding_shares, plan_crops
from assets.faces.frames import region_around, rgb_of
from assets.faces.landmarks import MOUTH, boxes_of
from assets.faces.settings import CropSettings
from assets.faces.stored_track import FaceTrack
from assets.workers.rejected import Rejected
from tests.support.array_frames import ArrayFrame

SIZE = (400, 360)


def still_track(scale: float, at: tuple[float, float], reduction: int = 1, num_frames: int = 3) -> FaceTrack:
    """A face that does not move, `scale` times the canonical one."""
    landmarks = np.repeat((template(128) * scale + at)[None], num_frames, axis=0).astype(np.float32)
    region = region_around(boxes_of(landmarks[0]), 2.1, *SIZE, reduction)
    return FaceTrack(
        first_frame=0,
        landmarks=landmarks,
        boxes=boxes_of(landmarks),
        valid=np.ones(num_frames, bool),
        regions=np.array([region] * num_frames, np.int32),
        confidence=1.0,
        longest_gap_frames=0,
        frame_size=SIZE,
    )


def smooth_image() -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float64)
    waves = [np.sin(columns / 23), np.cos(rows / 19), np.sin((rows + columns) / 31)]
    return np.stack([127.5 + 100 * wave for wave in waves], axis=-1).round().astype(np.uint8)


@pytest.mark.parametrize(("scale", "reduction"), [(0.7, 1), (1.3, 1), (2.0, 1), (2.2, 2)])
def test_each_crop_pixel_shows_its_place_in_the_source(scale: float, reduction: int) -> None:
    track = still_track(scale, (60.3, 40.8), reduction)
    plan = plan_crops(track, CropSettings())
    frame = ArrayFrame(smooth_image())
    crops = list(cut_crops([rgb_of(frame, track.region(t)) for t in range(3)], track, plan, 128))
    rows, columns = np.mgrid[4:124, 4:124]
    points = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    source = (points - plan.transforms[1][:, 2]) @ np.linalg.inv(plan.transforms[1][:, :2]).T
    x, y = source.T
    expected = 127.5 + 100 * np.stack([np.sin(x / 23), np.cos(y / 19), np.sin((x + y) / 31)], axis=-1)
    error = crops[1][4:124, 4:124].reshape(-1, 3) - expected
    assert np.abs(error).max() < 3
    slope_x, slope_y = 100 / 23 * np.cos(x / 23), -100 / 19 * np.sin(y / 19)
    assert abs((error[:, 0] * slope_x).sum() / (slope_x**2).sum()) < 0.06, "displaced in x, source pixels"
    assert abs((error[:, 1] * slope_y).sum() / (slope_y**2).sum()) < 0.06, "displaced in y, source pixels"


@pytest.mark.parametrize(("scale", "reduction"), [(1.9, 1), (2.2, 2), (2.6, 2)])
def test_fine_detail_is_averaged_not_aliased(scale: float, reduction: int) -> None:
    checks = np.indices((SIZE[1], SIZE[0])).sum(axis=0) % 2 * 255
    frame = ArrayFrame(np.repeat(checks[..., None], 3, axis=-1).astype(np.uint8))
    track = still_track(scale, (40, 20), reduction)
    plan = plan_crops(track, CropSettings())
    crop = next(iter(cut_crops([rgb_of(frame, track.region(0))] * 3, track, plan, 128)))
    assert np.abs(crop[8:120, 8:120].astype(float) - 127.5).mean() < 40


def test_padding_is_the_share_outside_and_repeats_the_edge() -> None:
    quarter_out = np.array([[[1.0, 0, 32], [0, 1, 0]]])
    assert padding_shares(quarter_out, 128, (500, 500))[0] == pytest.approx(0.25)
    frame = ArrayFrame(
        np.repeat(np.arange(SIZE[1], dtype=np.uint8)[:, None, None] // 2, SIZE[0], axis=1).repeat(3, 2)
    )
    track = still_track(1.5, (100.0, -25.0))
    plan = plan_crops(track, CropSettings())
    assert 0.05 < plan.padding[0] < 0.2
    crop = next(iter(cut_crops([rgb_of(frame, track.region(0))] * 3, track, plan, 128)))
    assert (crop[0] == crop[6]).all()


def test_a_face_half_out_of_the_frame_is_rejected_with_the_share() -> None:
    with pytest.raises(Rejected, match=r"face_outside_frame.*% of the crops' pixels lie outside") as caught:
        plan_crops(still_track(1.5, (-90.0, 40.0)), CropSettings())
    assert caught.value.stage == "face_crops"


def test_a_mouth_above_the_middle_is_rejected() -> None:
    track = still_track(1.0, (100, 80), num_frames=40)
    landmarks = track.landmarks.copy()
    landmarks[20, MOUTH, 1] -= 35
    with pytest.raises(Rejected, match=r"mouth_outside_lower_half.*rows 64\.\.127 .* in 1 of 40 .* frame 20"):
        plan_crops(dataclasses.replace(track, landmarks=landmarks), CropSettings())


def test_landmarks_of_the_plan_are_those_of_the_crop() -> None:
    track = still_track(1.4, (70, 60))
    plan = plan_crops(track, CropSettings())
    np.testing.assert_allclose(apply_transforms(plan.transforms, track.landmarks), plan.landmarks, atol=1e-4)
    np.testing.assert_allclose(plan.landmarks[0], template(128), atol=0.1)
    assert plan.lip_rows == pytest.approx((90.4, 102.6), abs=0.1)
