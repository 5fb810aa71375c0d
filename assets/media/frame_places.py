"""Times of frames in files that store frames by place: in decoding order, without time stamps (AVI, and its tracks in Matroska).

A frame's place is when it reaches the decoder; FFmpeg guesses time stamps from that, late by the decoder's delay and out
of order where B-frames are references. The first frame shown has the first place, the next one the next, and so on.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from av.packet import Packet

PLACED_FORMATS = frozenset({"avi"})
# Tags of video in Matroska that was taken over from AVI ("V_MS/VFW/FOURCC"): its time stamps are those of decoding. Matroska's
# own tracks have no tag, those of QuickTime one of these.
STAMPED_TAGS = frozenset({"", "\0\0\0\0", "avc1", "mp4v", "hvc1", "hev1"})


class FramePlaces:
    """Gives each decoded frame its place, in the stream's time base.

    Places without a frame (a frame left out is an empty packet) give none. A key frame takes no earlier place than its
    own packet's, so that a frame that can't be decoded moves none of those after the next key frame.
    """

    def __init__(self) -> None:
        self._free: deque[int] = deque()
        self._last = 0

    def enter(self, packet: Packet[Any]) -> None:
        """Notes a packet before it is decoded, and has its place carried through to its frame."""
        if packet.size and packet.dts is not None:
            self._free.append(packet.dts)
            packet.pts = packet.dts

    def leave(self, frame: Any) -> int:
        """Place of a decoded frame; frames come in the order in which they are shown."""
        if frame.key_frame and frame.pts is not None:
            while self._free and self._free[0] < frame.pts:
                self._free.popleft()
        self._last = self._free.popleft() if self._free else self._last + 1
        return self._last


def places_of(stream: Any) -> FramePlaces | None:
    """For a video stream whose frames are stored by place; None for others, whose time stamps count."""
    container = stream.container.format.name
    tag = stream.codec_context.codec_tag
    is_taken_over = container.startswith("matroska") and tag not in STAMPED_TAGS
    return FramePlaces() if container in PLACED_FORMATS or is_taken_over else None
