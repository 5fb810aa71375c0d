"""A crop goes back to where it was cut, and only its changed part is visible."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from assets.faces.backends.dlib import DlibBackend
from assets.faces.crop_plan import plan_crops
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.track_clip import track_clip
from assets.media.decoded_frame import DecodedFrame
from pipelines.dubbing.cut_crop import cut_crop
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.paste_mouth import changed_share, lower_face_mask, paste_mouth
from tests.pipelines.dubbing.dub_inputs import TO_CROP, frame_of, planes_of
from tests.support.array_frames import astronaut, moved, ticks_of


def test_mask_covers_the_mouth_and_never_the_upper_half() -> None:
    mask = lower_face_mask(128)
    assert (mask[:64] == 0).all() and mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[
        :, -1
    ].max() == 0
    assert mask[88:106, 46:82].min() > 0.95
    assert np.abs(np.diff(mask, axis=0)[64:]).max() < 0.2


def test_the_true_crop_changes_next_to_nothing() -> None:
    frame = frame_of("yuv420p")
    crop = cut_crop(DecodedFrame(frame), TO_CROP, 128)
    planes = FramePlanes(frame)
    paste_mouth(planes, crop, TO_CROP, lower_face_mask(128))
    change = np.abs(DecodedFrame(planes.frame()).rgb().astype(int) - DecodedFrame(frame).rgb())
    assert 0 < change.mean() < 0.2


def test_a_white_crop_of_a_tracked_face_changes_only_the_lower_face() -> None:
    source = moved(astronaut(), 5, 3, 8)
    track, _, _ = track_clip(ticks_of([source] * 25), DlibBackend(), TrackSettings(), keep_images=False)
    transform = plan_crops(track, CropSettings()).transforms[0]
    frame = av.VideoFrame.from_ndarray(source, format="rgb24").reformat(format="yuv420p")
    planes = FramePlanes(frame)
    paste_mouth(planes, np.full((128, 128, 3), 255, np.uint8), transform, lower_face_mask(128))
    before, after = (DecodedFrame(one).rgb() for one in (frame, planes.frame()))
    x, y = track.landmarks[0, 62].round().astype(int)
    assert (after[y, x] > 250).all()
    brow_row = int(track.landmarks[0, 27, 1])
    assert (after[:brow_row] == before[:brow_row]).all()


def test_a_crop_outside_the_frame_and_one_without_weight_change_nothing() -> None:
    frame = frame_of("yuv420p")
    planes, black = FramePlanes(frame), np.zeros((128, 128, 3), np.uint8)
    paste_mouth(planes, black, TO_CROP + np.array([[0, 0, 2000], [0, 0, 0]]), lower_face_mask(128))
    paste_mouth(planes, black, TO_CROP, np.zeros((128, 128), np.float32))
    assert all(
        np.array_equal(*pair) for pair in zip(planes_of(frame), planes_of(planes.frame()), strict=True)
    )
    with pytest.raises(ValueError, match="give both the same size"):
        paste_mouth(planes, black, TO_CROP, lower_face_mask(96))


def test_only_what_was_changed_is_shown() -> None:
    true = cv2.resize(astronaut()[80:280, 100:300], (128, 128))
    noisy = np.clip(true + np.random.default_rng(0).normal(0, 1, true.shape), 0, 255).astype(np.uint8)
    noisy[88:104, 48:80] = (90, 20, 30)
    share = changed_share(noisy, true)
    assert share.dtype == np.float32 and share.min() >= 0 and share[92:100, 54:74].min() > 0.9
    assert share[:76].max() < 0.2 and share[:, :36].max() < 0.2 and not changed_share(true, true).any()
