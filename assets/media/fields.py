"""Whether frames hold two fields of different times (interlaced video), by their labels or by what they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import av
from av.filter import Graph

from assets.media.opening import Complaints, decode, demux, open_media

FieldOrder = Literal["labelled", "top first", "bottom first"]
"""``labelled``: each frame says by itself whether and how it is interlaced."""

# AVFieldOrder of a container or codec: 2 and 4 top field first (coded and displayed in one order or the other), 3 and 5
# bottom first; 0 is unknown, 1 progressive.
BY_LABEL: dict[int, FieldOrder] = {2: "top first", 4: "bottom first", 3: "bottom first", 5: "top first"}
BY_IDET: dict[str, FieldOrder] = {"tff": "top first", "bff": "bottom first"}
# Frames at the start of a file in which FFmpeg's `idet` looks for combs, and how many of them must agree. Of 71 GRID clips
# and three phone videos it takes no frame for interlaced, of the same clips with their fields woven every one.
SEARCHED_FRAMES = 8
AGREEING_FRAMES = 6


def field_order(path: Path | str, stream: Any, frame: Any, stage: str) -> FieldOrder | None:
    """The order of the fields; None for progressive frames.

    Args:
        path: of the file.
        stream: its video stream.
        frame: the first decoded frame.
        stage: named in a rejection.
    """
    if frame.interlaced_frame:
        return "labelled"
    labelled = BY_LABEL.get(getattr(stream.codec_context, "field_order", 0))
    return labelled or _by_sight(path, stream.index, stage)


def _by_sight(path: Path | str, index: int, stage: str) -> FieldOrder | None:
    with open_media(path, stage) as container:
        stream = container.streams[index]
        complaints = Complaints()
        frames = (frame for packet in demux(container, stream) for frame in decode(packet, complaints)[0])
        votes = Counter(_verdicts(islice(frames, SEARCHED_FRAMES)))
    for verdict, order in BY_IDET.items():
        if votes[verdict] >= AGREEING_FRAMES and not votes["progressive"]:
            return order
    return None


def _verdicts(frames: Iterator[Any]) -> Iterator[str]:
    """FFmpeg's verdict on each frame: tff, bff, progressive or undetermined."""
    first = next(frames, None)
    if first is None:
        return
    graph = Graph()
    graph.threads = 1
    step = Fraction(1, 25)
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=step)
    detector, sink = graph.add("idet"), graph.add("buffersink")
    source.link_to(detector)
    detector.link_to(sink)
    graph.configure()
    size = (first.width, first.height, first.format.name)
    for number, frame in enumerate([first, *frames]):
        if (frame.width, frame.height, frame.format.name) != size:
            break
        frame.pts, frame.time_base = number, step
        graph.push(frame)
    graph.push(None)
    while True:
        try:
            shown: Any = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield str(shown.metadata.get("lavfi.idet.multiple.current_frame"))
