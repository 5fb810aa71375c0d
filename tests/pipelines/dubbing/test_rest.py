"""When mouths rest, and what they show then: the face's own closed mouth, in its present pose."""

from __future__ import annotations

import cv2
import numpy as np

from assets.faces.backends.dlib import DlibBackend
from assets.faces.landmarks import mouth_opening
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.close_mouth import close_mouth, closed_opening
from pipelines.dubbing.closed_mouths import ClosedMouths, closed_frames
from pipelines.dubbing.find_speech import Span
from pipelines.dubbing.paste_mouth import lower_face_mask
from pipelines.dubbing.rest import Rest, RestingMouths, rest_weights
from pipelines.dubbing.seen_mouths import SeenMouth
from tests.pipelines.dubbing.dub_inputs import smile
from tests.support.array_frames import Rgb


def test_pauses_are_the_models_and_longer_gaps_are_rest() -> None:
    speech = [Span(start_s=0.5, end_s=1.0), Span(start_s=1.3, end_s=2.0)]
    weights = rest_weights(speech, 100)
    assert weights[0] == 1 and not weights[11:52].any() and (weights[57:] == 1).all()
    assert 0 < weights[53] < weights[54] < weights[55] < 1, "the mouth shuts at once"
    assert (rest_weights([], 10) == 1).all()


def opening_of(crop: Rgb) -> float:
    """As the detector reads it, at the size of a face in a video."""
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (256, 256), interpolation=cv2.INTER_CUBIC)
    return float(
        mouth_opening(DlibBackend().landmarks([grey], [np.array([50, 80, 206, 236], np.float32)])[0])
    )


def test_a_mouth_is_closed_and_the_rest_of_the_face_stays() -> None:
    crop, points = smile()
    closed = close_mouth(crop, points, 0.02)
    assert opening_of(crop) > 0.1 and opening_of(closed) < 0.5 * opening_of(crop)
    changed = np.abs(closed.astype(int) - crop).max(axis=-1) > 3
    assert not changed[:72].any() and not changed[:, :20].any() and not changed[:, 108:].any()


def test_a_closed_mouth_stays_bit_for_bit_and_half_the_way_is_half() -> None:
    crop, points = smile()
    assert close_mouth(crop, points, 1.0) is crop
    half = np.abs(close_mouth(crop, points, 0.02, share=0.5).astype(int) - crop).mean()
    assert 0 < half < np.abs(close_mouth(crop, points, 0.02).astype(int) - crop).mean()


def test_the_closed_opening_is_the_faces_own() -> None:
    _, points = smile()
    assert closed_opening(np.stack([points] * 5)) == np.float32(0.02)
    shut = points.copy()
    shut[[65, 66, 67]] = shut[[63, 62, 61]] + np.array([0, 0.1], np.float32)
    assert closed_opening(np.stack([points] * 15 + [shut] * 5)) < 0.01


def seen_mouth(tick: int, crop: Rgb, points: np.ndarray) -> SeenMouth:
    return SeenMouth(tick=tick, points=points, to_crop=np.eye(2, 3), grey=None, crop=crop)


def stretch_of(openings: list[float]) -> Stretch:
    """A face that moves its lips by so many pixels."""
    crop, points = smile()
    landmarks = np.stack([points] * len(openings))
    for frame, opening in zip(landmarks, openings, strict=True):
        frame[[65, 66, 67]] = frame[[63, 62, 61]] + np.array([0, opening], np.float32)
    return Stretch(
        first_frame=10,
        transforms=np.zeros((len(openings), 2, 3)),
        landmarks=landmarks,
        closed_opening=0.02,
        seen=np.ones(len(openings), bool),
        mouths={frame: seen_mouth(frame, crop, points) for frame, points in enumerate(landmarks)},
    )


def test_closed_frames_are_no_moment_between_two_vowels() -> None:
    openings = [6.0] * 60
    openings[20], openings[40:46] = 0.1, [0.3] * 6
    assert set(closed_frames(stretch_of(openings))) <= set(range(40, 46))


def test_an_open_mouth_gets_the_closed_one_and_a_closed_one_stays() -> None:
    crop, points = smile()
    closed_crop = close_mouth(crop, points, 0.02)
    landmarks = np.stack([points, points + np.array([3, 0], np.float32)])
    closed = ClosedMouths(
        crops=closed_crop[None],
        points=points[None],
        landmarks=landmarks,
        shares=np.ones((2, 1), np.float32),
        own=np.zeros(2, np.float32),
    )
    weights = np.array([0, 0.5, 1], np.float32)
    resting = RestingMouths([Rest(weights=weights)], [closed], lower_face_mask(128))
    assert resting.mouth(0, 0, 0, crop, crop) is crop
    assert opening_of(resting.mouth(2, 0, 0, crop, None)) < 0.5 * opening_of(crop)
    moved = closed.at(1, crop)[60:120, 30:100].astype(int)
    there, here = closed_crop[60:120, 27:97].astype(int), closed_crop[60:120, 30:100].astype(int)
    assert np.abs(moved - there).mean() < 0.3 * np.abs(moved - here).mean(), "not in the pose of the frame"
