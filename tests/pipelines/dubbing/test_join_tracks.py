"""Tracks of one person: joined by look, or by place and time, and bridged where the face was lost for a moment."""

from __future__ import annotations

import numpy as np
import pytest

from assets.faces.backends.interface import Detection
from assets.faces.canonical_face import template
from assets.faces.frames import Region
from assets.faces.landmarks import boxes_of
from assets.faces.track import Track
from assets.faces.track_clip import without_gaps
from pipelines.dubbing.join_tracks import people

RANDOM = np.random.default_rng(0)


def look(like: np.ndarray | None = None, correlation: float = 0.0) -> np.ndarray:
    """An appearance that correlates with another by so much."""
    own = RANDOM.normal(size=(32, 32))
    own /= np.linalg.norm(own)
    if like is not None:
        own -= (own * like).sum() * like
        own = correlation * like + (1 - correlation**2) ** 0.5 * own / np.linalg.norm(own)
    return own.astype(np.float32)


HERS = look()


def track(
    first: int, last: int, x: float, appearance: np.ndarray = HERS, *, shot: int = 0, scale: float = 1.0
) -> Track:
    """A face of about 78 px at a place."""
    made, points = Track(), template(128).astype(np.float32) * scale + np.float32([x, 100])
    for index in range(first, last + 1):
        made.add(index, points, appearance, shot)
        made.regions[index] = Region(0, 0, 200, 200, 1)
    made.confirm(first, Detection(box=boxes_of(points), confidence=1.5), appearance)
    made.evidence = np.zeros((8, 8), np.uint8)
    return made


def test_a_lively_face_is_one_and_followed_where_it_was_lost() -> None:
    """Three tracks of one person who turns and laughs: she looks different each time, and is in view throughout."""
    turned = look(HERS, 0.3)
    ((whole,),) = people([
        track(0, 39, 100), track(58, 80, 130, turned), track(84, 124, 135, look(turned, 0.35))
    ])  # fmt: skip
    followed = without_gaps(whole, (400, 400))
    assert (followed.first_frame, followed.num_frames, followed.num_interpolated) == (0, 125, 18 + 3)
    middle = followed.landmarks[48, :, 0].mean() - followed.landmarks[0, :, 0].mean()
    assert middle == pytest.approx(30 * 9 / 19, abs=0.1), "not on the way from one place to the other"


@pytest.mark.parametrize(
    ("other", "num"),
    [
        (track(70, 90, 100, look(HERS, 0.3)), 2),
        (track(50, 90, 250, look(HERS, 0.3)), 2),
        (track(50, 90, 100, look(HERS, 0.3), scale=1.7), 2),
        (track(50, 90, 100, look(HERS, 0.3), shot=1), 2),
        (track(50, 90, 100, look(HERS, 0.0)), 2),
        (track(30, 90, 100, look(HERS, 0.3)), 2),
        (track(70, 90, 100, look(HERS, 0.8)), 1),
        (track(70, 90, 250, look(HERS, 0.95), shot=1), 1),
    ],
    ids=[
        "much later",
        "elsewhere",
        "larger",
        "after a cut",
        "nobody alike",
        "at the same time",
        "alike",
        "looks the same",
    ],
)
def test_others_are_no_part_of_it(other: Track, num: int) -> None:
    assert len(people([track(0, 39, 100), other])) == num


def test_the_nearer_of_two_is_continued() -> None:
    his = look()
    found = people([track(0, 39, 100), track(0, 39, 170, his), track(45, 60, 165, look(his, 0.3))])
    assert [[one.last for one in group] for group in found] == [[39], [60]]
