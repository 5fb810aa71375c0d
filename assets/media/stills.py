"""Single frames of a file at stated times; frames that lie close together are decoded in one pass.

PyAV alone reads them. decord, the usual choice for random access, would not pay: it misreads some files without an error
(MPEG program streams come twelve frames late, the end of one of three phone videos six frames early), so that each file
needs a comparison with PyAV, and the two together take longer. CPU seconds for 40 stills by decord with that comparison
and by this module: 1080x1920 HEVC with a key frame every 10 s 5.0 and 1.7, every 7 s 5.3 and 3.3; 1280x720 H.264, every
2 s 1.3 and 1.0, every 10 s 2.0 and 1.3. Besides, a process that imports decord before torch crashes in its first mel.
decord is the independent reference of the tests (``tests/assets/media/test_decord_reference.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assets.media.probe import Probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS

# Stills no farther apart than this are read in one pass: decoding on costs less than seeking to a key frame.
MAX_STEP_S = 2.0


def read_stills(probe: Probe, times_s: Sequence[float], *, stage: str) -> Iterator[NDArray[np.uint8] | None]:
    """Yields the frame that a tick at each time shows.

    Args:
        probe: of the file.
        times_s: container times, ascending; those outside the video give its first or last frame.
        stage: named in a rejection.

    Yields:
        For each time (height, width, 3) uint8 RGB, upright; None where it can't be read.

    Raises:
        ValueError: times that descend.
    """
    if any(later < earlier for earlier, later in zip(times_s, times_s[1:], strict=False)):
        raise ValueError(f"times_s is {list(times_s)}; give ascending times")
    last_s = probe.video.end_s - 0.5 / max(probe.video.average_fps, 1.0)
    for close_s in _close_times([min(max(time_s, probe.video.start_s), last_s) for time_s in times_s]):
        num_read = 0
        for still in _one_pass(probe, close_s, stage):
            yield still
            num_read += 1
        for time_s in close_s[num_read:]:  # damage ended the pass
            yield next(_one_pass(probe, [time_s], stage), None)


def _close_times(times_s: Sequence[float]) -> Iterator[list[float]]:
    """Groups of times without a step above `MAX_STEP_S`."""
    group: list[float] = []
    for time_s in times_s:
        if group and time_s - group[-1] > MAX_STEP_S:
            yield group
            group = []
        group.append(time_s)
    if group:
        yield group


def _one_pass(probe: Probe, times_s: Sequence[float], stage: str) -> Iterator[NDArray[np.uint8]]:
    """Stills in order, decoded from the first time to the last; ends early where frames can't be read."""
    ticks = [round((time_s - times_s[0]) * FPS) for time_s in times_s]
    span = Span(start_s=times_s[0], num_frames=ticks[-1] + 1)
    due = 0
    try:
        for tick in read_ticks(probe, span, stage=stage):
            if tick.index < ticks[due]:
                continue
            still = tick.frame.rgb()
            while due < len(ticks) and ticks[due] == tick.index:
                yield still
                due += 1
            if due == len(ticks):
                return
    except Rejected:
        return
