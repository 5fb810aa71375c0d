"""Finds the shot changes of a long video and cuts the shots into segments."""

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

from assets.media.frame_places import FramePlaces
from assets.media.opening import Complaints, decode, demux, open_media
from assets.media.probe import Probe
from assets.media.scene_change import Thumbnail, scene_change, thumbnail_of
from assets.media.timeline import TICK_S, Span
from cals_models.timebase import FPS

# Frames are compared at this width; shot changes show at any size.
COMPARED_WIDTH_PX = 160
# A change that reverts within this time is a flash, not a cut.
FLASH_S = 0.5
# Frames that differ by less than this share of the smallest change that counts as a cut show the same scene.
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
    """The shots of a video: (start of the first frame, end of the last), seconds of container time.

    PySceneDetect's adaptive detector runs on small copies of the frames. What it takes for a change is none where the two
    frames show one scene shifted, as after a bump of the camera, or where the scene returns within half a second.
    Non-reference frames are not decoded; those between the last decoded frame of a shot and the first of the next belong
    to neither.

    Args:
        probe: of the file.
        threshold: a shot changes where the frame changes this many times as much as its neighbours do.
        min_change: and at least this much (mean of hue, saturation and value, 0..255).
        stage: named in a rejection.
    """
    times: list[float] = []
    thumbs: list[NDArray[np.uint8]] = []
    is_same_scene: list[bool] = []
    before: Thumbnail | None = None
    detector = None
    changes: set[int] = set()
    for time_s, frame in _small_frames(probe, stage):
        if detector is None:
            detector = AdaptiveDetector(
                adaptive_threshold=threshold, min_content_val=min_change, min_scene_len=1
            )
        # The detector counts frames; its unit of time does not matter.
        for cut in detector.process_frame(FrameTimecode(len(times), fps=float(FPS)), frame):
            changes.add(cut.frame_num)
        after = thumbnail_of(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        is_same_scene.append(before is not None and scene_change(before, after).is_same_scene)
        before = after
        times.append(time_s)
        thumbs.append(cv2.resize(frame, ALIKE_SIZE_PX, interpolation=cv2.INTER_AREA))
    cuts = [
        at
        for at in sorted(changes)
        if 0 < at < len(times)
        and not is_same_scene[at]
        and not _is_flash(times, thumbs, at, ALIKE * min_change)
    ]
    edges = [0, *cuts, len(times)]
    step_s = 1 / (probe.video.average_fps or FPS)
    shots = []
    for first, following in zip(edges[:-1], edges[1:], strict=True):
        end_s = probe.video.end_s if following == len(times) else times[following - 1] + step_s
        shots.append((times[first], end_s))
    return shots


def _is_flash(times: list[float], thumbs: list[NDArray[np.uint8]], cut: int, alike: float) -> bool:
    """Whether a frame shortly after a change is like one shortly before it."""
    first = min(bisect.bisect_left(times, times[cut] - FLASH_S), cut - 1)
    last = bisect.bisect_right(times, times[cut] + FLASH_S)
    before, after = np.stack(thumbs[first:cut]), np.stack(thumbs[cut:last])
    differences = before[:, None].astype(np.int16) - after[None]
    return bool(np.abs(differences).mean(axis=(2, 3, 4)).min() < alike)


def cut_evenly(start_s: float, end_s: float, *, min_s: float, max_s: float) -> list[Piece]:
    """Cuts a span of time into the fewest equal pieces of at most `max_s`, on the 40 ms grid of its start.

    A span shorter than `min_s` is one piece that is not long enough.
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
    """Cuts the part of a file that has video and audio at its shot changes, and long shots evenly."""
    pieces: list[Piece] = []
    for first, last in shots:
        start_s, end_s = max(first, span.start_s), min(last, span.end_s)
        if end_s - start_s >= TICK_S:
            on_grid = span.start_s + math.ceil((start_s - span.start_s) / TICK_S - 0.1) * TICK_S
            pieces += cut_evenly(on_grid, end_s, min_s=min_s, max_s=max_s)
    return pieces


def _small_frames(probe: Probe, stage: str) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(container time in seconds, (h, w, 3) uint8 BGR) of the reference frames."""
    video = probe.video
    scale = min(COMPARED_WIDTH_PX / video.display.stored_width, 1.0)
    with open_media(probe.path, stage) as container:
        stream: Any = container.streams[video.index]
        places = FramePlaces() if video.placed else None
        if places is None:  # a place is known by counting every frame
            stream.codec_context.skip_frame = "NONREF"
        complaints = Complaints()
        last_s = -math.inf
        for packet in demux(container, stream):
            if places is not None:
                places.enter(packet)
            for frame in decode(packet, complaints)[0]:
                stamp = places.leave(frame) if places is not None else frame.pts
                if stamp is None:
                    continue
                time_s = float(stamp * frame.time_base) - probe.start_s
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
