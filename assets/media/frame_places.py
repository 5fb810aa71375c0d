"""Times of frames in containers that store frames by place (AVI): in decoding order, without time stamps.

A frame's place is when it reaches the decoder; FFmpeg guesses time stamps from that, late by the decoder's delay and out
of order where B-frames are references. The first frame shown has the first place, the next one the next, and so on.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from av.packet import Packet

PLACED_FORMATS = frozenset({"avi"})


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


def places_of(container: Any) -> FramePlaces | None:
    """For an opened container that stores frames by place; None for others, whose time stamps count."""
    return FramePlaces() if container.format.name in PLACED_FORMATS else None
