"""Limits checked before a media file is decoded. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from cals_models.declarations.bounds import Count, Positive
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ProbeLimits(Settings):
    """Limits of a file; one beyond them is rejected before it is decoded.

    Args:
        min_duration_s, max_duration_s: length of the file.
        max_bytes: size of the file.
        max_streams: streams of any kind.
        min_side_px, max_side_px: the frame's shorter side at least, its longer side at most.
        min_frame_rate, max_frame_rate: frames a second on average. At 25 a second a slower video repeats its frames.
    """

    min_duration_s: Positive = 0.2
    max_duration_s: Positive = 7200.0
    max_bytes: Count = 16 << 30
    max_streams: Count = 32
    min_side_px: Count = 64
    max_side_px: Count = 4320
    min_frame_rate: Positive = 10.0
    max_frame_rate: Positive = 241.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (
            ("min_duration_s", "max_duration_s"),
            ("min_side_px", "max_side_px"),
            ("min_frame_rate", "max_frame_rate"),
        ):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(
                    f"{low} is {getattr(self, low)} and {high} is {getattr(self, high)}; give 0 < {low} < {high}"
                )
