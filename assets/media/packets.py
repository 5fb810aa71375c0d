"""Number, times and gaps of a stream's packets. Only the first frame and the first audio block are decoded."""

from __future__ import annotations

import struct
from typing import Any

from av.container import InputContainer
from av.packet import Packet

from assets.media.frame_places import places_of
from assets.media.opening import Complaints, decode, demux

# No codec packs this much audio in one packet.
LATE_START_S = 0.13


class PacketLog:
    """The packets of one stream that a player plays.

    Attributes:
        first_frame: the first decoded frame, None until there is one.
        first_s: its container time.
        placed: the container stores frames by place, and FFmpeg's time stamps are guesses that differ from the places.
    """

    def __init__(self, stream: Any, container_start_s: float) -> None:
        self.stream = stream
        self.first_frame: Any = None
        self.first_s = 0.0
        self.complaints = Complaints()
        self.placed = False
        self._places = places_of(stream) if stream.type == "video" else None
        self._origin_s = container_start_s
        self._unit_s = float(stream.time_base)
        self._times: list[int] = []
        self._discarded: list[int] = []
        self._end = 0
        self._usual = 0
        self._skipped_at_end = 0

    def add(self, packet: Packet[Any]) -> None:
        """Records a packet; decodes it until the first frame is found."""
        if self._places is not None:
            self.placed |= packet.pts != packet.dts
            self._places.enter(packet)
        if self.first_frame is None:
            frames, _ = decode(packet, self.complaints)
            if frames:
                self.first_frame = frames[0]
                pts = self._places.leave(frames[0]) if self._places is not None else frames[0].pts
                self.first_s = self.seconds((pts if pts is not None else self.stream.start_time) or 0)
        time = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or time is None:
            return
        if packet.is_discard:
            self._discarded.append(time)
            return
        end = time + (packet.duration or 0)
        self._end = max(self._end, end) if self._times else end
        self._times.append(time)
        # Matroska's duration of a padded packet leaves the padding out already.
        full = (packet.duration or 0) >= self._usual
        self._skipped_at_end = _skipped_at_end(packet) if full else 0
        self._usual = packet.duration or 0

    def seconds(self, units: int) -> float:
        """Container time of a time stamp of this stream."""
        return units * self._unit_s - self._origin_s

    @property
    def num(self) -> int:
        """Packets from the first frame on."""
        return len(self._shown())

    @property
    def num_held(self) -> int:
        """All packets, those that an edit list hides among them."""
        return len(self._times) + len(self._discarded)

    def held_s(self) -> float:
        """Time from the first packet to the end of the last, those that an edit list hides among them."""
        return (self._end - min([*self._times, *self._discarded], default=self._end)) * self._unit_s

    def start_s(self) -> float:
        """When the first frame starts. Files without an edit list write a late start as one long first packet; then
        the second packet is the start."""
        shown = self._shown()
        if len(shown) < 3:
            return self.first_s
        first_step, second_step = ((b - a) * self._unit_s for a, b in zip(shown[:2], shown[1:3], strict=True))
        return self.seconds(shown[1]) if first_step > LATE_START_S > second_step else self.first_s

    def last_s(self) -> float:
        return self.seconds(max(self._times, default=0))

    def end_s(self, sample_rate_hz: int | None = None) -> float:
        """When the last frame ends; a last packet without a duration lasts as long as the one before."""
        end_s = self.seconds(self._end)
        if sample_rate_hz:
            return end_s - self._skipped_at_end / sample_rate_hz
        shown = self._shown()
        if len(shown) > 1 and end_s <= self.last_s():
            return self.last_s() + (shown[-1] - shown[-2]) * self._unit_s
        return end_s

    def longest_gap_s(self) -> float:
        shown = self._shown()
        return max((b - a for a, b in zip(shown, shown[1:], strict=False)), default=0) * self._unit_s

    def frame_rate(self) -> float:
        """Frames a second over the file; 0 for fewer than two."""
        shown = self._shown()
        if len(shown) < 2 or shown[-1] == shown[0]:
            return 0.0
        return (len(shown) - 1) / ((shown[-1] - shown[0]) * self._unit_s)

    def _shown(self) -> list[int]:
        first = (self.first_s + self._origin_s) / self._unit_s - 0.5
        return sorted(time for time in self._times if time >= first)


def read_packets(
    container: InputContainer, video: Any, audio: Any, container_start_s: float
) -> tuple[PacketLog, PacketLog]:
    """Reads all packets of the two streams."""
    logs = {stream.index: PacketLog(stream, container_start_s) for stream in (video, audio)}
    for packet in demux(container, video, audio):
        # The packets that flush the decoders have stream_index 0, whatever their stream is.
        logs[packet.stream.index].add(packet)
    return logs[video.index], logs[audio.index]


def _skipped_at_end(packet: Packet[Any]) -> int:
    """Samples at a packet's end that are not played (the padding of AAC, Opus, MP3)."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    data = bytes(packet.get_sidedata("skip_samples"))
    return struct.unpack_from("<II", data)[1] if len(data) >= 8 else 0
