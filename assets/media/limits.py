"""What a media file may ask of us. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProbeLimits:
    """What a file may ask of us. A file outside is rejected before it is decoded.

    Args:
        min_duration_s, max_duration_s: length of the file.
        max_bytes: size of the file.
        max_streams: streams of any kind.
        min_side_px, max_side_px: the picture's shorter side at least, its longer side at most.
        max_frame_rate: frames a second.
    """

    min_duration_s: float = 0.2
    max_duration_s: float = 7200.0
    max_bytes: int = 16 << 30
    max_streams: int = 32
    min_side_px: int = 64
    max_side_px: int = 4320
    max_frame_rate: float = 241.0

    def __post_init__(self) -> None:
        for low, high in (("min_duration_s", "max_duration_s"), ("min_side_px", "max_side_px")):
            if not 0 < getattr(self, low) < getattr(self, high):
                raise ValueError(
                    f"{low} is {getattr(self, low)} and {high} is {getattr(self, high)}; give 0 < {low} < {high}"
                )
        for name in ("max_bytes", "max_streams", "max_frame_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")
