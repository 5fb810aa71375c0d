"""A crop goes back to where it came from."""

from __future__ import annotations

import numpy as np
import pytest

from assets.faces.backends.dlib import DlibBackend
from assets.faces.crop_clip import cut_crops
from assets.faces.crop_plan import plan_crops
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.track_clip import track_clip
from pipelines.dubbing.paste import lower_face_mask, paste_crop
from tests.support.array_frames import astronaut, moved, ticks_of


def test_mask_covers_the_mouth_and_never_the_upper_half() -> None:
    mask = lower_face_mask(128)
    assert (mask[:64] == 0).all() and mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[
        :, -1
    ].max() == 0
    assert mask[88:106, 46:82].min() > 0.95
    assert np.abs(np.diff(mask, axis=0)[64:]).max() < 0.2


def test_pasting_the_true_crop_changes_little_and_a_white_one_only_the_lower_face() -> None:
    source = moved(astronaut(), 5, 3, 8)
    track, _, images = track_clip(ticks_of([source] * 25), DlibBackend(), TrackSettings(), keep_images=True)
    plan = plan_crops(track, CropSettings())
    crop = next(iter(cut_crops(images, track, plan, 128)))
    mask = lower_face_mask(128)
    same = paste_crop(source, crop, plan.transforms[0], mask)
    assert np.abs(same.astype(int) - source).mean() < 0.5
    assert np.abs(same.astype(int) - source)[same != source].mean() < 12
    white = paste_crop(source, np.full_like(crop, 255), plan.transforms[0], mask)
    x, y = track.landmarks[0, 62].round().astype(int)
    assert (white[y, x] > 250).all()
    brow_row = int(track.landmarks[0, 27, 1])
    assert (white[:brow_row] == source[:brow_row]).all()
    assert (source == moved(astronaut(), 5, 3, 8)).all()


def test_a_crop_beside_the_frame_changes_nothing() -> None:
    away = np.array([[1.0, 0, 900], [0, 1, 900]])
    crop = np.zeros((128, 128, 3), np.uint8)
    assert (paste_crop(astronaut(), crop, away, lower_face_mask(128)) == astronaut()).all()
    with pytest.raises(ValueError, match="give both the same size"):
        paste_crop(astronaut(), crop, away, lower_face_mask(96))
