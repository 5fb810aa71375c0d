"""Which source frame is shown when, and which generated mouth it carries (25 a second).

Legend: N frames of the output, F frames of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.media.video import MIDDLE_S
from cals_models.timebase import FPS
from pipelines.dubbing.source_video import SourceFrame

ROUNDING_S = 1e-6


@dataclass(kw_only=True)
class FrameLog:
    """What the first pass over a video learns of its times.

    Args:
        times_s: (F,) time of each frame.
        tick_frames: frame on display at each tick of 40 ms.
        last_step_s: how long the last frame is shown.
    """

    times_s: list[float] = field(default_factory=list)
    tick_frames: list[int] = field(default_factory=list)
    last_step_s: float = 1 / FPS

    @property
    def end_s(self) -> float:
        return self.times_s[-1] + self.last_step_s

    def frame_ticks(self) -> NDArray[np.int64]:
        """(F,) the tick in which the middle of each frame lies."""
        times = np.array(self.times_s)
        ends = np.append(times[1:], self.end_s)
        return np.minimum(_tick_of((times + ends) / 2), len(self.tick_frames) - 1)


def tick_pictures(frames: Iterable[SourceFrame], log: FrameLog, last_step_s: float) -> Iterator[Any]:
    """The picture on display in the middle of each tick of 25 a second; fills the log while it is read."""
    shown: SourceFrame | None = None
    picture: Any = None
    for frame in frames:
        log.times_s.append(frame.time_s)
        while shown is not None and len(log.tick_frames) / FPS + MIDDLE_S < frame.time_s:
            log.tick_frames.append(shown.index)
            yield picture
        shown, picture = frame, frame.picture
    if shown is None:
        return
    log.last_step_s = last_step_s
    while not log.tick_frames or len(log.tick_frames) / FPS + MIDDLE_S < log.end_s:
        log.tick_frames.append(shown.index)
        yield picture


@dataclass(frozen=True, kw_only=True)
class FramePlan:
    """The output, frame by frame.

    Args:
        source_frames: (N,) number of the source frame shown.
        times_s: (N,) when, seconds after the beginning.
        ticks: (N,) which generated frame of 25 a second it carries.
        end_s: when the last one ends.
    """

    source_frames: NDArray[np.int64]
    times_s: NDArray[np.float64]
    ticks: NDArray[np.int64]
    end_s: float

    @property
    def num_frames(self) -> int:
        return len(self.source_frames)

    @property
    def num_ticks(self) -> int:
        return int(self.ticks[-1]) + 1


def plan_frames(log: FrameLog, sound_s: float, fit: str, *, photograph: bool = False) -> FramePlan:
    """Fits the picture to the sound.

    A frame belongs to the output if at least half of its time does, so that a sound that is a few milliseconds longer
    than the picture (padding of its codec) does not cost a jump back to the first frame.

    Args:
        log: of the source.
        sound_s: length of the sound.
        fit: ``trim``, ``loop`` or ``hold``.
        photograph: there is one picture, which always lasts as long as the sound.
    """
    times, video_s = np.array(log.times_s), log.end_s
    sources = np.arange(len(times))
    wanted_s = min(video_s, sound_s) if fit == "trim" else sound_s
    if photograph:
        sources, times = _held(sources[:0], times[:0], 0.0, sound_s, 1 / FPS)
        wanted_s = sound_s
    elif fit == "loop":
        rounds = max(1, int(np.ceil(sound_s / video_s)))
        times = (times + np.arange(rounds)[:, None] * video_s).ravel()
        sources = np.tile(sources, rounds)
        video_s *= rounds
    elif fit == "hold":
        wanted_s = max(video_s, sound_s)
        sources, times = _held(sources, times, video_s, sound_s, log.last_step_s)
    end_s = max(video_s, float(times[-1]) + log.last_step_s) if not photograph else float(times[-1]) + 1 / FPS
    ends = np.append(times[1:], end_s)
    num = max(1, int(np.count_nonzero((times + ends) / 2 <= wanted_s + ROUNDING_S)))
    return FramePlan(
        source_frames=sources[:num],
        times_s=times[:num],
        ticks=_tick_of((times[:num] + ends[:num]) / 2),
        end_s=float(ends[num - 1]),
    )


def _held(
    sources: NDArray[np.int64], times: NDArray[np.float64], from_s: float, to_s: float, step_s: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The frames, and after them the last one again and again until ``to_s``."""
    num = max(0 if len(times) else 1, int(np.ceil((to_s - from_s) / step_s - ROUNDING_S)))
    last = sources[-1] if len(sources) else 0
    more = from_s + np.arange(num) * step_s
    return np.append(sources, np.full(num, last)), np.append(times, more)


def _tick_of(middles_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(middles_s * FPS + ROUNDING_S).astype(np.int64)
