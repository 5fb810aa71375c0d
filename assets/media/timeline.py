"""One time line for video and audio: 25 ticks a second, 640 samples of 16 kHz audio a tick.

Container time is seconds after the container's start, as a player shows them. Tick 0 of a clip lies on the video's
own 40 ms grid (its first frame, plus whole ticks), so that a 25 fps video gives exactly its own frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assets.media.probe import Probe
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS

TICK_S = 1 / FPS

# Time stamps rounded to milliseconds and last frames without a duration must not cost a tick.
ROUNDING_TICKS = 0.1


@dataclass(frozen=True, kw_only=True)
class Span:
    """The part of a file that makes up a clip.

    Attributes:
        start_s: container time of tick 0.
        num_frames: ticks; tick k is at `start_s + k / 25`.
        trimmed_start_s, trimmed_end_s: time at either end that only one stream covers, left out. 0 where the streams
            differ by at most one tick: there the video decides, and missing audio is silence.
    """

    start_s: float
    num_frames: int
    trimmed_start_s: float = 0.0
    trimmed_end_s: float = 0.0

    @property
    def end_s(self) -> float:
        return self.start_s + self.num_frames * TICK_S

    @property
    def trimmed_s(self) -> float:
        return self.trimmed_start_s + self.trimmed_end_s

    def tick_s(self, index: int) -> float:
        return self.start_s + index / FPS


def common_span(
    probe: Probe, *, start_s: float | None = None, end_s: float | None = None, stage: str = "clips"
) -> Span:
    """The ticks for which there is video and audio.

    Args:
        probe: of the file.
        start_s, end_s: a segment, container time; None for the file's own start and end.
        stage: named in a rejection.

    Returns:
        The span. Ticks of all segments of a file lie on one grid.

    Raises:
        Rejected: no_common_part, if no whole tick is left.
    """
    video, audio = probe.video, probe.audio
    late_s = audio.start_s - video.start_s
    first = 0 if late_s <= TICK_S else math.ceil(late_s * FPS - ROUNDING_TICKS)
    early_s = video.end_s - audio.end_s
    last = _whole_ticks(video.end_s - video.start_s)
    if early_s > TICK_S:
        last = min(last, _whole_ticks(audio.end_s - video.start_s))
    trimmed_start_s = abs(late_s) if abs(late_s) > TICK_S else 0.0
    trimmed_end_s = abs(early_s) if abs(early_s) > TICK_S else 0.0
    if start_s is not None:
        wanted = math.ceil((start_s - video.start_s) * FPS - ROUNDING_TICKS)
        trimmed_start_s = max(first - wanted, 0) / FPS
        first = max(first, wanted)
    if end_s is not None:
        wanted = _whole_ticks(end_s - video.start_s)
        trimmed_end_s = max(wanted - last, 0) / FPS
        last = min(last, wanted)
    if last <= first:
        raise Rejected(
            stage,
            "no_common_part",
            f"video from {video.start_s:.3f} to {video.end_s:.3f} s, audio from {audio.start_s:.3f} to "
            f"{audio.end_s:.3f} s{_segment(start_s, end_s)}: no 40 ms that have both",
        )
    return Span(
        start_s=video.start_s + first / FPS,
        num_frames=last - first,
        trimmed_start_s=round(trimmed_start_s, 6),
        trimmed_end_s=round(trimmed_end_s, 6),
    )


def _whole_ticks(duration_s: float) -> int:
    return math.floor(duration_s * FPS + ROUNDING_TICKS)


def _segment(start_s: float | None, end_s: float | None) -> str:
    if start_s is None and end_s is None:
        return ""
    return f", segment from {start_s or 0:.3f} s to {'the end' if end_s is None else f'{end_s:.3f} s'}"
