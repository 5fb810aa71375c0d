"""Find shot changes in a long video, and cut what lies between them into segments."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from assets.media.opening import Complaints, decode, demux, open_media
from assets.media.probe import Probe
from assets.media.timeline import TICK_S, Span

# Pictures are compared at this width; shot changes show at any size.
COMPARED_WIDTH_PX = 160
# What is as it was before within this time was interrupted by a flash, not cut.
FLASH_S = 0.5
# Pictures this alike (mean difference, share of the smallest change that counts as a cut) show the same thing.
ALIKE = 0.3
ALIKE_SIZE_PX = (16, 16)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a file, container time, and whether it is long enough to be a clip."""

    start_s: float
    end_s: float
    long_enough: bool


def find_shots(
    probe: Probe, *, threshold: float, min_change: float, stage: str = "clips"
) -> list[tuple[float, float]]:
    """The shots of a video: (first picture, end of the last picture), container time.

    PySceneDetect's adaptive detector looks at small copies of the pictures. Pictures that no other refers to are
    not decoded; what lies undecided between the last picture of a shot and the first of the next is in neither.

    Args:
        probe: of the file.
        threshold: a shot changes where the picture changes this many times as much as around it.
        min_change: and at least this much, 0..255.
        stage: who is asking; goes into a rejection.
    """
    times: list[float] = []
    tiny: list[NDArray[np.uint8]] = []
    detector = None
    starts: set[int] = set()
    for time_s, picture in _small_pictures(probe, stage):
        if detector is None:
            detector = AdaptiveDetector(
                adaptive_threshold=threshold, min_content_val=min_change, min_scene_len=1
            )
        # The detector counts pictures; its unit of time does not matter.
        for cut in detector.process_frame(FrameTimecode(len(times), fps=25.0), picture):
            starts.add(cut.frame_num)
        times.append(time_s)
        tiny.append(cv2.resize(picture, ALIKE_SIZE_PX, interpolation=cv2.INTER_AREA))
    cuts = [
        at for at in sorted(starts) if 0 < at < len(times) and not _flash(times, tiny, at, ALIKE * min_change)
    ]
    edges = [0, *cuts, len(times)]
    step_s = 1 / (probe.video.average_fps or 25.0)
    shots = []
    for first, following in zip(edges[:-1], edges[1:], strict=True):
        end_s = probe.video.end_s if following == len(times) else times[following - 1] + step_s
        shots.append((times[first], end_s))
    return shots


def _flash(times: list[float], tiny: list[NDArray[np.uint8]], cut: int, alike: float) -> bool:
    """Whether the pictures after a change come back to one of shortly before it."""
    first = min(bisect.bisect_left(times, times[cut] - FLASH_S), cut - 1)
    last = bisect.bisect_right(times, times[cut] + FLASH_S)
    before, after = np.stack(tiny[first:cut]), np.stack(tiny[cut:last])
    differences = before[:, None].astype(np.int16) - after[None]
    return bool(np.abs(differences).mean(axis=(2, 3, 4)).min() < alike)


def cut_evenly(start_s: float, end_s: float, *, min_s: float, max_s: float) -> list[Piece]:
    """Cut a stretch into the fewest equal pieces of at most `max_s`, on the 40 ms grid of its start.

    A stretch shorter than `min_s` is one piece that is not long enough.
    """
    ticks = math.floor((end_s - start_s) / TICK_S + 0.1)
    if ticks * TICK_S < min_s - TICK_S / 2:
        return [Piece(start_s=start_s, end_s=end_s, long_enough=False)]
    num = math.ceil(ticks * TICK_S / max_s - 1e-6)
    edges = [round(ticks * at / num) * TICK_S + start_s for at in range(num + 1)]
    return [
        Piece(start_s=first, end_s=last, long_enough=True)
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    ]


def cut_at_shots(span: Span, shots: list[tuple[float, float]], *, min_s: float, max_s: float) -> list[Piece]:
    """Cut the part of a file that has picture and sound at its shot changes, then evenly where a shot is long."""
    pieces: list[Piece] = []
    for first, last in shots:
        start_s, end_s = max(first, span.start_s), min(last, span.end_s)
        if end_s - start_s >= TICK_S:
            on_grid = span.start_s + math.ceil((start_s - span.start_s) / TICK_S - 0.1) * TICK_S
            pieces += cut_evenly(on_grid, end_s, min_s=min_s, max_s=max_s)
    return pieces


def _small_pictures(probe: Probe, stage: str) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(container time, (h, w, 3) BGR) of the pictures that others refer to."""
    video = probe.video
    upright = video.width if video.rotation in (0, 180) else video.height
    scale = min(COMPARED_WIDTH_PX / upright, 1.0)
    with open_media(probe.path, stage) as container:
        stream: Any = container.streams[video.index]
        stream.codec_context.skip_frame = "NONREF"
        complaints = Complaints()
        last_s = -math.inf
        for packet in demux(container, stream):
            for frame in decode(packet, complaints)[0]:
                if frame.pts is None:
                    continue
                time_s = float(frame.pts * frame.time_base) - probe.start_s
                if time_s <= last_s:
                    continue
                last_s = time_s
                small = frame.reformat(
                    width=max(round(frame.width * scale), 16),
                    height=max(round(frame.height * scale), 16),
                    format="bgr24",
                    interpolation=Interpolation.FAST_BILINEAR,
                    threads=1,
                )
                yield time_s, small.to_ndarray()
