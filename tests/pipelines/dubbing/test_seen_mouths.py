"""The search keeps few views of a face, and they are those that a later pass would have cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.faces.backends.dlib import DlibBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.track import Track
from pipelines.dubbing.choose_faces import Stretch, find_faces, stretches_of
from pipelines.dubbing.covered_face import patch_of
from pipelines.dubbing.cut_crop import cut_crop
from pipelines.dubbing.frame_plan import FrameLog
from pipelines.dubbing.seen_mouths import MOST_GREY, SEARCHED_TICKS, SeenMouth, WatchingTracker
from tests.pipelines.dubbing.dub_inputs import smile
from tests.support.array_frames import ArrayFrame, Rgb, astronaut, moved

SIZE = (400, 320)


def stretch_in(frames: list[Rgb], crop_px: int) -> Stretch:
    """The face of frames of 25 a second."""
    log = FrameLog(times_s=[k / 25 for k in range(len(frames))], tick_frames=list(range(len(frames))))
    images = [ArrayFrame(frame) for frame in frames]
    (face,) = find_faces(images, DlibBackend(), TrackSettings(), Path("face.mp4"), crop_px)  # type: ignore[arg-type]
    (stretch,) = stretches_of(face, log, SIZE, CropSettings(), crop_px)
    return stretch


@pytest.mark.parametrize("crop_px", [128, 256])
def test_a_kept_view_is_what_a_second_pass_would_cut(crop_px: int) -> None:
    frames = [
        moved(astronaut(), 0.8 * k, 3 * np.sin(k / 5), degrees=4 * np.sin(k / 7), scale=1 + 0.004 * k)
        for k in range(40)
    ]
    stretch = stretch_in(frames, crop_px)
    views = {frame: mouth for frame, mouth in stretch.mouths.items() if mouth.grey is not None}
    assert len(views) == 40
    for number, mouth in views.items():
        cut = cut_crop(ArrayFrame(frames[number]), stretch.transforms[number], crop_px)
        assert patch_of(mouth.grey_crop(stretch.transforms[number])) @ patch_of(cut) > 0.98


def kept_of(openings: list[float]) -> tuple[SeenMouth, ...]:
    """What is kept of one track whose lips are so many pixels apart."""
    crop, points = smile()
    tracker, track = WatchingTracker(DlibBackend(), TrackSettings(), 128), Track()
    for tick, opening in enumerate(openings):
        face = points.copy()
        face[[65, 66, 67]] = face[[63, 62, 61]] + np.array([0, opening], np.float32)
        track.points[tick] = face
        tracker._keep_regions(track, [ArrayFrame(crop)], tick)
    return tracker.mouths_of(track)


def test_views_are_few_evenly_spaced_and_of_the_most_closed_mouths() -> None:
    generator = np.random.default_rng(0)
    openings = generator.uniform(1, 9, SEARCHED_TICKS + 100).tolist()
    openings[700:705] = [0.2] * 5
    kept = kept_of(openings)
    grey = [mouth.tick for mouth in kept if mouth.grey is not None]
    closed = {mouth.tick for mouth in kept if mouth.crop is not None}
    assert MOST_GREY // 2 <= len(grey) <= MOST_GREY and set(np.diff(grey)) == {grey[1]} and grey[0] == 0
    assert grey[-1] < SEARCHED_TICKS <= grey[-1] + grey[1]
    assert closed >= set(range(700, 705)) and len(closed) <= 0.1 * SEARCHED_TICKS
    best = set(np.argsort(openings[:SEARCHED_TICKS])[: int(0.05 * SEARCHED_TICKS)].tolist())
    assert best <= closed, "the most closed mouths are not kept"


def test_a_photograph_gives_one_view_of_both_kinds() -> None:
    (only,) = kept_of([3.0])
    assert only.grey is not None and only.crop is not None
