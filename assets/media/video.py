"""Pictures at 25 a second by time stamps, whatever the file's frame rate; damage is noticed, not passed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from av.container import InputContainer

from assets.media.opening import Complaints, decode, demux, open_media
from assets.media.picture import DecodedFrame
from assets.media.probe import Probe
from assets.media.timeline import TICK_S, Span
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS

# A tick shows what is on display at its middle; where two pictures meet there, the earlier one (time stamps may be
# rounded to milliseconds).
ROUNDING_S = 1e-3
MIDDLE_S = TICK_S / 2 - ROUNDING_S
# Share of a span's pictures that may be damaged unless the reader says otherwise: a short clip with one is refused.
MAX_DAMAGED_SHARE = 0.005
# A segment that starts later than this is reached by seeking.
SEEK_FROM_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One frame of the 25 fps output.

    Attributes:
        index: 0 .. num_frames - 1.
        time_s: container time of the tick.
        frame_s: container time of the picture shown.
        frame_index: number of that picture among those decoded.
        repeated: the picture is the one of the tick before (the same object: what it has computed is kept).
        damaged: the decoder complained about the picture, or about one before it since the last key frame: what
            is predicted from a broken picture is broken too, though no decoder says so.
        picture: upright; planes and RGB on request.
    """

    index: int
    time_s: float
    frame_s: float
    frame_index: int
    repeated: bool
    damaged: bool
    picture: DecodedFrame


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    index: int
    time_s: float
    damaged: bool
    picture: DecodedFrame


def read_ticks(
    probe: Probe, span: Span, *, stage: str = "face_tracks", max_damaged_share: float = MAX_DAMAGED_SHARE
) -> Iterator[Tick]:
    """Yield the span's pictures, one a tick, in time order.

    A tick shows the picture that a player shows in the middle of the tick's 40 ms. For constant rates up to 30 fps
    and for 50 fps that is the nearest time stamp; at 60 fps and at variable rates it keeps an event's onset within
    20 ms of its true time, which the nearest time stamp does not. Memory does not grow with the span's length.

    Args:
        probe: of the file.
        span: the part to read.
        stage: who is asking; goes into a rejection.
        max_damaged_share: share of damaged ticks above which the span is refused; below, they are marked.

    Raises:
        Rejected: damaged (pictures missing or broken against what the container promises), size_changes.
            What was yielded before must then be thrown away.
    """
    with open_media(probe.path, stage) as container:
        watch = _Watch(probe, span, stage, max_damaged_share)
        frames = _decoded_from(container, probe, span, watch)
        shown: _Decoded | None = None
        current = following = next(frames, None)
        for index in range(span.num_frames):
            time_s = span.tick_s(index)
            while following is not None and following.time_s < time_s + MIDDLE_S:
                current, following = following, next(frames, None)
            if current is None:
                break
            watch.show(current, time_s)
            yield Tick(
                index=index,
                time_s=time_s,
                frame_s=current.time_s,
                frame_index=current.index,
                repeated=current is shown,
                damaged=current.damaged,
                picture=current.picture,
            )
            shown = current
        if span.end_s > probe.video.end_s - 1:
            for _ in frames:
                pass
            watch.reached_end = True
        watch.check()


class _Watch:
    """Holds what was decoded against what the container promises."""

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

    def decoded(self, frame: _Decoded) -> None:
        self.num_decoded += 1
        size = (frame.picture.width, frame.picture.height)
        if self.size is not None and size != self.size:
            raise Rejected(
                self.stage,
                "size_changes",
                f"the picture changes from {self.size[0]}x{self.size[1]} to {size[0]}x{size[1]} at "
                f"{frame.time_s:.2f} s; cut the file there",
            )
        self.size = size
        if self.last_s is not None and frame.time_s - self.last_s > self.longest_gap_s:
            self.longest_gap_s = frame.time_s - self.last_s
            self.gap_at_s = self.last_s
        self.last_s = frame.time_s

    def show(self, frame: _Decoded, time_s: float) -> None:
        self.num_damaged += frame.damaged
        if frame.time_s - time_s > TICK_S:
            self._refuse(f"no picture at {time_s:.2f} s, the next is at {frame.time_s:.2f} s")

    def check(self) -> None:
        video = self.probe.video
        usual_s = max(video.longest_gap_s, 1 / FPS)
        end_s = max(video.end_s, self.span.end_s) if self.reached_end else self.span.end_s
        if self.last_s is None or self.last_s + 1.5 * usual_s + ROUNDING_S < end_s - ROUNDING_S:
            last = "none" if self.last_s is None else f"the last one at {self.last_s:.2f} s"
            self._refuse(f"pictures until {end_s:.2f} s are promised, {last}")
        if self.from_start and self.reached_end and video.num_packets - self.num_decoded > self._tolerance():
            self._refuse(f"{video.num_packets} pictures are promised, {self.num_decoded} came out")
        if self.longest_gap_s > usual_s + 1.5 / max(video.average_fps, 1):
            self._refuse(f"no picture for {self.longest_gap_s:.2f} s after {self.gap_at_s:.2f} s")
        if self.num_damaged > self.max_damaged_share * self.span.num_frames:
            self._refuse(
                f"{self.num_damaged} of {self.span.num_frames} pictures are damaged or follow from one that is; at "
                f"most {self.max_damaged_share:.1%} may be"
            )

    def _tolerance(self) -> float:
        """Packets without a picture: a few codecs have them by design, elsewhere they are lost pictures."""
        if self.probe.video.codec in ("vp8", "vp9", "av1", "mpeg4", "msmpeg4v3"):
            return self.probe.video.num_packets
        return MAX_DAMAGED_SHARE * self.probe.video.num_packets

    def _refuse(self, what: str) -> None:
        why = f"; FFmpeg: {self.complaints.first}" if self.complaints.first else ""
        raise Rejected(self.stage, "damaged", what + why)


def _decoded_from(container: InputContainer, probe: Probe, span: Span, watch: _Watch) -> Iterator[_Decoded]:
    """Decoded pictures in time order, from a key frame at or before the span's start."""
    stream: Any = container.streams[probe.video.index]
    if probe.video.counted or span.start_s - probe.video.start_s < SEEK_FROM_S:
        yield from _decoded(container, stream, probe, watch)
        return
    watch.from_start = False
    units = round((span.start_s + probe.start_s) / stream.time_base)
    container.seek(units, stream=stream, backward=True)
    frames = _decoded(container, stream, probe, watch)
    first = next(frames, None)
    if first is None or first.time_s > span.start_s + ROUNDING_S:
        # The index leads behind the target (or nowhere): read from the start after all.
        container.seek(0, backward=True)
        watch.last_s = None
        frames = _decoded(container, stream, probe, watch)
        first = next(frames, None)
    if first is not None:
        yield first
    yield from frames


def _decoded(container: InputContainer, stream: Any, probe: Probe, watch: _Watch) -> Iterator[_Decoded]:
    index = 0
    time_s: float | None = None
    step_s = 1 / (probe.video.average_fps or FPS)
    damage = _Damage()
    for packet in demux(container, stream):
        frames, complained = decode(packet, watch.complaints)
        damage.packet(packet.is_keyframe, complained)
        for frame in frames:
            time_s = _frame_s(frame, index, probe, time_s, step_s)
            decoded = _Decoded(
                index=index, time_s=time_s, damaged=damage.reaches(frame), picture=DecodedFrame(frame)
            )
            watch.decoded(decoded)
            yield decoded
            index += 1


class _Damage:
    """How far damage reaches: until the next key frame that is whole.

    Key frames are counted where they go into the decoder and where they come out, since pictures come out later
    and in another order.
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


def _frame_s(frame: Any, index: int, probe: Probe, previous_s: float | None, step_s: float) -> float:
    """Container time of a decoded frame; counted, or by its time stamp where there is one that goes forward."""
    if probe.video.counted:
        return probe.video.start_s + index / probe.video.declared_fps
    if frame.pts is not None:
        time_s = float(frame.pts * frame.time_base) - probe.start_s
        if previous_s is None or time_s > previous_s:
            return time_s
    return probe.video.start_s if previous_s is None else previous_s + step_s
