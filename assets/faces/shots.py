"""Numbers the shots of a clip as its frames go by. A flash, a bump or a shaking camera starts none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assets.faces.frames import Frame
from assets.media.scene_change import SceneChange, Thumbnail, scene_change, thumbnail_of

INSERT = -1
"""Number of frames after which the shot before them goes on: a flash, a black frame, a cutaway of half a second."""
# Frames after a change in which the scene may return to the one before.
INSERT_FRAMES = 12
# At a cut the frame changes this many times as much as in the two frames before and the two after it.
CUT_RATIO = 3.0
NEIGHBOURS = 2
# Least change of neighbouring frames, grey levels, so that a still camera has no cuts of noise.
LEAST_LEVELS = 0.5
STILL = np.zeros(2, np.float32)


class NumberedFrame(NamedTuple):
    """A frame, the number of its shot or ``INSERT``, and by how much the scene moved since the frame before (x, y, pixels)."""

    frame: Frame
    shot: int
    shift: NDArray[np.float32]


class _Seen(NamedTuple):
    frame: Frame
    thumbnail: Thumbnail


def numbered_shots(frames: Iterable[Frame]) -> Iterator[NumberedFrame]:
    """Each frame with the number of its shot, from 0, or ``INSERT``, and the camera's movement.

    A frame is held back only where the scene changes, until it is known whether it returns: memory stays that of half
    a second.

    Args:
        frames: of one size, 25 a second; read once.
    """
    source = iter(frames)
    waiting: deque[_Seen] = deque()
    recent: deque[float] = deque(maxlen=NEIGHBOURS)
    before: Thumbnail | None = None
    shot = 0
    while True:
        _fill(waiting, source, 1)
        if not waiting:
            return
        frame, thumbnail = waiting[0]
        change = None if before is None else scene_change(before, thumbnail)
        if before is not None and change is not None and not change.is_same_scene:
            _fill(waiting, source, INSERT_FRAMES + 1)
            length = _insert_length(before, waiting)
            if length:
                for inserted in islice(tuple(waiting), length):
                    waiting.popleft()
                    yield NumberedFrame(inserted.frame, INSERT, STILL)
                continue
            shot += _is_cut(change, recent, waiting)
        waiting.popleft()
        if change is not None:
            recent.append(change.levels)
        before = thumbnail
        yield NumberedFrame(frame, shot, _shift(change, frame, thumbnail))


def _shift(change: SceneChange | None, frame: Frame, thumbnail: Thumbnail) -> NDArray[np.float32]:
    if change is None:
        return STILL
    shift: NDArray[np.float32] = np.array(change.shift, np.float32) * (frame.width / thumbnail.shape[1])
    return shift


def _fill(waiting: deque[_Seen], source: Iterator[Frame], num: int) -> None:
    """Reads ahead until ``num`` frames wait or there are no more."""
    for frame in islice(source, max(num - len(waiting), 0)):
        waiting.append(_Seen(frame, thumbnail_of(frame.gray())))


def _insert_length(before: Thumbnail, waiting: deque[_Seen]) -> int:
    """How many of the waiting frames come before one that shows the scene of ``before``; 0 if none does."""
    for number, seen in enumerate(islice(waiting, 1, None), start=1):
        if scene_change(before, seen.thumbnail).is_same_scene:
            return number
    return 0


def _is_cut(change: SceneChange, recent: deque[float], waiting: deque[_Seen]) -> bool:
    """Whether the frame changes much more here than around: not so where the camera shakes or turns fast."""
    after = [
        scene_change(a.thumbnail, b.thumbnail).levels
        for a, b in zip(islice(waiting, NEIGHBOURS), islice(waiting, 1, NEIGHBOURS + 1), strict=False)
    ]
    usual = float(np.mean([*recent, *after])) if recent or after else 0.0
    return change.levels >= CUT_RATIO * max(usual, LEAST_LEVELS)
