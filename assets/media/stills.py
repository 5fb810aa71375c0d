"""Single pictures of a file at stated times, by decord where it is proven right for the file, else by PyAV.

decord reads some files wrongly without an error (MPEG program streams: each picture twelve late). So it is used only
after its first, middle and last picture were held against PyAV's for this very file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.media.probe import Probe
from assets.media.timeline import Span
from assets.media.video import MIDDLE_S, ROUNDING_S, read_ticks

READERS = ("decord", "pyav")
# Mean difference of two conversions of one picture, in standard deviations of its luma.
SAME_PICTURE = 0.05
SAME_WITHIN = 0.002
# Proving decodes the file once: not worth it for a long one.
MAX_PROOF_S = 30.0
PROOF_WIDTH_PX = 96


@dataclass(frozen=True, kw_only=True)
class ReaderChoice:
    """Which reader is right for a file, and why."""

    reader: str
    reason: str


@lru_cache(maxsize=256)
def reader_for(probe: Probe) -> ReaderChoice:
    """decord if its first, middle and last pictures are those that PyAV decodes at the same time stamps, else PyAV."""
    video = probe.video
    if video.counted:
        return ReaderChoice(reader="pyav", reason=f"{probe.container} has no reliable time stamps")
    if video.rotation:
        return ReaderChoice(reader="pyav", reason=f"the picture is turned by {video.rotation} degrees")
    if video.end_s - video.start_s > MAX_PROOF_S:
        return ReaderChoice(reader="pyav", reason=f"longer than {MAX_PROOF_S:g} s: not proven")
    return compare_readers(probe)


def compare_readers(probe: Probe) -> ReaderChoice:
    """Hold decord's first, middle and last picture against all that PyAV decodes.

    A picture is right if, of all pictures, PyAV's with the same number is the most like it (or as much so as any), and
    time stamps agree.
    """
    rate = max(probe.video.average_fps, 1.0)
    times, smalls = [], []
    span = Span(start_s=probe.video.start_s, num_frames=round((probe.video.end_s - probe.video.start_s) * 25))
    for tick in read_ticks(probe, span):
        if not tick.repeated:
            times.append((tick.frame_index, tick.frame_s))
            smalls.append(_small(tick.frame.gray()))
    video = _open_decord(probe.path)
    if len(video) != probe.video.num_packets:
        return ReaderChoice(
            reader="pyav", reason=f"decord finds {len(video)} pictures of {probe.video.num_packets}"
        )
    for at in (0, len(times) // 2, len(times) - 1):
        index, time_s = times[at]
        shown_s = float(video.get_frame_timestamp(index)[0]) - probe.start_s
        shown = cv2.cvtColor(video[index].asnumpy(), cv2.COLOR_RGB2GRAY)
        differences = np.abs(np.stack(smalls) - _small(shown)).mean(axis=(1, 2))
        if differences[at] > min(SAME_PICTURE, differences.min() + SAME_WITHIN):
            best = times[int(differences.argmin())][0]
            return ReaderChoice(reader="pyav", reason=f"decord's picture {index} looks like picture {best}")
        if abs(shown_s - time_s) > 0.5 / rate:
            return ReaderChoice(
                reader="pyav", reason=f"decord dates picture {index} {shown_s:.3f} s, not {time_s:.3f} s"
            )
    return ReaderChoice(reader="decord", reason="first, middle and last picture agree with PyAV's")


def read_stills(probe: Probe, times_s: list[float], *, reader: str | None = None) -> list[NDArray[np.uint8]]:
    """Pictures on display at the given container times.

    Args:
        probe: of the file.
        times_s: container times; those outside the film give its first or last picture.
        reader: `decord` or `pyav`; None for the one that is right for this file.

    Returns:
        For each time (height, width, 3) uint8 RGB, upright.
    """
    reader = reader or reader_for(probe).reader
    if reader not in READERS:
        raise ValueError(f"reader is {reader!r}; one of {', '.join(READERS)}")
    if reader == "decord":
        video = _open_decord(probe.path)
        starts = np.array([float(video.get_frame_timestamp(i)[0]) for i in range(len(video))]) - probe.start_s
        return [video[max(int(np.searchsorted(starts, t + 1e-3, "right")) - 1, 0)].asnumpy() for t in times_s]
    last_s = probe.video.end_s - 0.5 / max(probe.video.average_fps, 1.0)
    stills = []
    for time_s in times_s:
        at_s = min(max(time_s, probe.video.start_s), last_s)
        # A tick shows what is on display at its middle.
        (tick,) = read_ticks(probe, Span(start_s=at_s + ROUNDING_S - MIDDLE_S, num_frames=1))
        stills.append(tick.frame.rgb())
    return stills


def _open_decord(path: str) -> Any:
    import decord

    return decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)


def _small(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) small copy with mean 0 and standard deviation 1, so that colour ranges don't matter."""
    width = min(PROOF_WIDTH_PX, luma.shape[1])
    height = max(luma.shape[0] * width // luma.shape[1], 1)
    small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    scaled: NDArray[np.float32] = (small - small.mean()) / max(float(small.std()), 1.0)
    return scaled
