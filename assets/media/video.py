"""Decodes a file to 25 frames a second by time stamps, whatever its own rate; damaged frames are detected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer

from assets.media.decoded_frame import DecodedFrame
from assets.media.display import shown_frames
from assets.media.frame_places import FramePlaces
from assets.media.opening import Complaints, decode, demux, open_media
from assets.media.probe import Probe
from assets.media.timeline import TICK_S, Span
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS

# A tick shows the frame on display at its middle; where two frames meet there, the earlier one (time stamps may be
# rounded to milliseconds).
ROUNDING_S = 1e-3
MIDDLE_S = TICK_S / 2 - ROUNDING_S
# Share of a span's frames that may be damaged unless the caller says otherwise: a short clip with one is rejected.
MAX_DAMAGED_SHARE = 0.005
# A segment that starts later than this is reached by seeking.
SEEK_FROM_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One frame of the 25 fps output.

    Attributes:
        index: 0 .. num_frames - 1.
        time_s: container time of the tick.
        frame_s: container time of the source frame shown.
        frame_index: number of that frame among those decoded.
        repeated: the frame is that of the previous tick (the same object, so that its conversions are kept).
        damaged: the decoder complained about the frame, or about one before it since the last key frame: what is
            predicted from a broken frame is broken too, though no decoder reports it.
        frame: upright; luma and RGB on request.
    """

    index: int
    time_s: float
    frame_s: float
    frame_index: int
    repeated: bool
    damaged: bool
    frame: DecodedFrame


@dataclass(frozen=True, kw_only=True)
class _TimedFrame:
    index: int
    time_s: float
    damaged: bool
    frame: DecodedFrame


def read_ticks(
    probe: Probe, span: Span, *, stage: str = "face_tracks", max_damaged_share: float = MAX_DAMAGED_SHARE
) -> Iterator[Tick]:
    """Yields the span's frames, one a tick, in time order.

    A tick shows the frame that a player shows in the middle of the tick's 40 ms. For constant rates up to 30 fps
    and for 50 fps that is the nearest time stamp; at 60 fps and at variable rates it keeps an event's onset within
    20 ms of its true time, which the nearest time stamp does not. Memory does not grow with the span's length.

    Args:
        probe: of the file.
        span: the part to read.
        stage: named in a rejection.
        max_damaged_share: share of damaged ticks above which the span is rejected; below, they are marked.

    Raises:
        Rejected: damaged (frames that the container promises are missing or broken), size_changes.
            Frames yielded before must then be discarded.
    """
    with open_media(probe.path, stage) as container:
        integrity = _Integrity(probe, span, stage, max_damaged_share)
        frames = _frames_from(container, probe, span, integrity)
        shown: _TimedFrame | None = None
        current = following = next(frames, None)
        for index in range(span.num_frames):
            time_s = span.tick_s(index)
            while following is not None and following.time_s < time_s + MIDDLE_S:
                current, following = following, next(frames, None)
            if current is None:
                break
            integrity.add_tick(current, time_s)
            yield Tick(
                index=index,
                time_s=time_s,
                frame_s=current.time_s,
                frame_index=current.index,
                repeated=current is shown,
                damaged=current.damaged,
                frame=current.frame,
            )
            shown = current
        if span.end_s > probe.video.end_s - 1:
            for _ in frames:
                pass
            integrity.reached_end = True
        integrity.check()


class _Integrity:
    """Compares the decoded frames with what the container promises."""

    def __init__(self, probe: Probe, span: Span, stage: str, max_damaged_share: float) -> None:
        self.probe = probe
        self.span = span
        self.stage = stage
        self.max_damaged_share = max_damaged_share
        self.complaints = Complaints()
        self.num_decoded = 0
        self.num_damaged = 0
        self.last_s: float | None = None
        self.longest_gap_s = 0.0
        self.gap_at_s = 0.0
        self.size: tuple[int, int] | None = None
        self.from_start = True
        self.reached_end = False

    def add_frame(self, timed: _TimedFrame) -> None:
        self.num_decoded += 1
        size = (timed.frame.width, timed.frame.height)
        if self.size is not None and size != self.size:
            raise Rejected(
                self.stage,
                "size_changes",
                f"the frame size changes from {self.size[0]}x{self.size[1]} to {size[0]}x{size[1]} at "
                f"{timed.time_s:.2f} s; cut the file there",
            )
        self.size = size
        if self.last_s is not None and timed.time_s - self.last_s > self.longest_gap_s:
            self.longest_gap_s = timed.time_s - self.last_s
            self.gap_at_s = self.last_s
        self.last_s = timed.time_s

    def add_tick(self, timed: _TimedFrame, time_s: float) -> None:
        self.num_damaged += timed.damaged
        if timed.time_s - time_s > TICK_S:
            self._reject(f"no frame at {time_s:.2f} s, the next is at {timed.time_s:.2f} s")

    def check(self) -> None:
        video = self.probe.video
        usual_s = max(video.longest_gap_s, 1 / FPS)
        end_s = max(video.end_s, self.span.end_s) if self.reached_end else self.span.end_s
        if self.last_s is None or self.last_s + 1.5 * usual_s + ROUNDING_S < end_s - ROUNDING_S:
            last = "none" if self.last_s is None else f"the last one at {self.last_s:.2f} s"
            self._reject(f"frames until {end_s:.2f} s are promised, {last}")
        if self.from_start and self.reached_end and video.num_packets - self.num_decoded > self._tolerance():
            self._reject(f"{video.num_packets} frames are promised, {self.num_decoded} were decoded")
        if self.longest_gap_s > usual_s + 1.5 / max(video.average_fps, 1):
            self._reject(f"no frame for {self.longest_gap_s:.2f} s after {self.gap_at_s:.2f} s")
        if self.num_damaged > self.max_damaged_share * self.span.num_frames:
            self._reject(
                f"{self.num_damaged} of {self.span.num_frames} frames are damaged or depend on one that is; at "
                f"most {self.max_damaged_share:.1%} may be"
            )

    def _tolerance(self) -> float:
        """Packets that may give no frame: a few codecs have such by design, elsewhere they are lost frames."""
        if self.probe.video.codec in ("vp8", "vp9", "av1", "mpeg4", "msmpeg4v3"):
            return self.probe.video.num_packets
        return MAX_DAMAGED_SHARE * self.probe.video.num_packets

    def _reject(self, what: str) -> None:
        why = f"; FFmpeg: {self.complaints.first}" if self.complaints.first else ""
        raise Rejected(self.stage, "damaged", what + why)


def _frames_from(
    container: InputContainer, probe: Probe, span: Span, integrity: _Integrity
) -> Iterator[_TimedFrame]:
    """Decoded frames in time order, from a key frame at or before the span's start."""
    stream: Any = container.streams[probe.video.index]
    if probe.video.counted or probe.video.placed or span.start_s - probe.video.start_s < SEEK_FROM_S:
        yield from _frames(container, stream, probe, integrity)
        return
    integrity.from_start = False
    units = round((span.start_s + probe.start_s) / stream.time_base)
    container.seek(units, stream=stream, backward=True)
    frames = _frames(container, stream, probe, integrity)
    first = next(frames, None)
    if first is None or first.time_s > span.start_s + ROUNDING_S:
        # The index leads past the target or nowhere: read from the start.
        container.seek(0, backward=True)
        integrity.last_s = None
        frames = _frames(container, stream, probe, integrity)
        first = next(frames, None)
    if first is not None:
        yield first
    yield from frames


def _frames(
    container: InputContainer, stream: Any, probe: Probe, integrity: _Integrity
) -> Iterator[_TimedFrame]:
    display = probe.video.display
    for frame, noted in shown_frames(_decoded(container, stream, probe, integrity), display):
        timed = _TimedFrame(**noted, frame=DecodedFrame(frame, display.orientation))
        integrity.add_frame(timed)
        yield timed


def _decoded(
    container: InputContainer, stream: Any, probe: Probe, integrity: _Integrity
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Frames as stored, each with its number, time and whether it is damaged."""
    index = 0
    time_s: float | None = None
    step_s = 1 / (probe.video.average_fps or FPS)
    damage = _Damage()
    places = FramePlaces() if probe.video.placed else None
    for packet in demux(container, stream):
        if places is not None:
            places.enter(packet)
        frames, complained = decode(packet, integrity.complaints)
        damage.packet(packet.is_keyframe, complained)
        for frame in frames:
            stamp = places.leave(frame) if places is not None else frame.pts
            time_s = _frame_s(frame.time_base, stamp, index, probe, time_s, step_s)
            yield frame, {"index": index, "time_s": time_s, "damaged": damage.reaches(frame)}
            index += 1


class _Damage:
    """How far damage reaches: until the next intact key frame.

    Key frames are counted where they enter the decoder and where they leave it, since frames leave later and in
    another order.
    """

    def __init__(self) -> None:
        self.num_in = 0
        self.num_out = 0
        self.whole_from = 0

    def packet(self, is_key: bool, complained: bool) -> None:
        self.num_in += is_key
        if complained:
            self.whole_from = self.num_in + 1

    def reaches(self, frame: Any) -> bool:
        self.num_out += bool(frame.key_frame)
        if frame.is_corrupt:
            self.whole_from = max(self.whole_from, self.num_out + 1)
        return self.num_out < self.whole_from


def _frame_s(
    time_base: Fraction, stamp: int | None, index: int, probe: Probe, previous_s: float | None, step_s: float
) -> float:
    """Container time of a decoded frame: counted, or its time stamp where that increases."""
    if probe.video.counted:
        return probe.video.start_s + index / probe.video.declared_fps
    if stamp is not None:
        time_s = float(stamp * time_base) - probe.start_s
        if previous_s is None or time_s > previous_s:
            return time_s
    return probe.video.start_s if previous_s is None else previous_s + step_s
