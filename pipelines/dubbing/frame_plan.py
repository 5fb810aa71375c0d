"""Which source frame is shown when, and which generated mouth it carries (25 a second).

Legend: N frames of the output, F frames of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assets.media.decoded_frame import DecodedFrame
from assets.media.video import MIDDLE_S
from cals_models.timebase import FPS
from pipelines.dubbing.source_video import SourceFrame

ROUNDING_S = 1e-6


@dataclass(kw_only=True)
class FrameLog:
    """Times of a video's frames, collected by the first pass.

    Args:
        times_s: (F,) time of each frame.
        tick_frames: number of the frame displayed at each tick of 40 ms.
        last_step_s: how long the last frame is displayed.
    """

    times_s: list[float] = field(default_factory=list)
    tick_frames: list[int] = field(default_factory=list)
    last_step_s: float = 1 / FPS

    @property
    def end_s(self) -> float:
        return self.times_s[-1] + self.last_step_s

    def frame_ticks(self) -> NDArray[np.int64]:
        """(F,) the tick that contains the middle of each frame."""
        times = np.array(self.times_s)
        ends = np.append(times[1:], self.end_s)
        return np.minimum(_tick_of((times + ends) / 2), len(self.tick_frames) - 1)


def frames_at_ticks(
    frames: Iterable[SourceFrame], log: FrameLog, last_step_s: float
) -> Iterator[DecodedFrame]:
    """The frame displayed in the middle of each tick of 25 a second; fills the log while it is read."""
    displayed: tuple[int, DecodedFrame] | None = None
    for frame in frames:
        log.times_s.append(frame.time_s)
        while displayed is not None and len(log.tick_frames) / FPS + MIDDLE_S < frame.time_s:
            log.tick_frames.append(displayed[0])
            yield displayed[1]
        displayed = frame.index, frame.decoded
    if displayed is None:
        return
    log.last_step_s = last_step_s
    while not log.tick_frames or len(log.tick_frames) / FPS + MIDDLE_S < log.end_s:
        log.tick_frames.append(displayed[0])
        yield displayed[1]


@dataclass(frozen=True, kw_only=True)
class FramePlan:
    """The output, frame by frame.

    Args:
        source_frames: (N,) number of the source frame that is displayed.
        times_s: (N,) when it is displayed, seconds after the start.
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


def plan_frames(log: FrameLog, audio_s: float, fit: str, *, photograph: bool = False) -> FramePlan:
    """Fits the video to the audio.

    A frame belongs to the output if at least half of its time does, so that audio that is a few milliseconds longer
    than the video (padding of its codec) does not cause a jump back to the first frame.

    Args:
        log: of the source.
        audio_s: length of the audio.
        fit: ``trim``, ``loop`` or ``hold``.
        photograph: there is one frame, which always lasts as long as the audio.
    """
    times, video_s = np.array(log.times_s), log.end_s
    sources = np.arange(len(times))
    wanted_s = min(video_s, audio_s) if fit == "trim" else audio_s
    if photograph:
        sources, times = _held(sources[:0], times[:0], 0.0, audio_s, 1 / FPS)
        wanted_s = audio_s
    elif fit == "loop":
        rounds = max(1, int(np.ceil(audio_s / video_s)))
        times = (times + np.arange(rounds)[:, None] * video_s).ravel()
        sources = np.tile(sources, rounds)
        video_s *= rounds
    elif fit == "hold":
        wanted_s = max(video_s, audio_s)
        sources, times = _held(sources, times, video_s, audio_s, log.last_step_s)
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
    """The frames, then the last one repeated until ``to_s``."""
    num = max(0 if len(times) else 1, int(np.ceil((to_s - from_s) / step_s - ROUNDING_S)))
    last = sources[-1] if len(sources) else 0
    more = from_s + np.arange(num) * step_s
    return np.append(sources, np.full(num, last)), np.append(times, more)


def _tick_of(middles_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(middles_s * FPS + ROUNDING_S).astype(np.int64)
