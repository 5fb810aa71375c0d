"""Settings of `clips`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from assets.media.limits import ProbeLimits


@dataclass(frozen=True, kw_only=True)
class ClipsSettings:
    """Which files become clips, and how long ones are cut.

    Args:
        min_duration_s, max_duration_s: length of a file.
        max_bytes: size of a file.
        max_streams: streams of any kind in a file.
        min_side_px, max_side_px: the picture's shorter side at least, its longer side at most.
        max_frame_rate: frames a second.
        min_segment_s, max_segment_s: length of the segments into which long sources are cut.
        shot_threshold: a shot changes where the picture changes this many times as much as around it.
        shot_min_change: and at least this much (mean of hue, saturation and value, 0..255).
        max_words_beyond_s: how far the stated words may reach beyond the film's end.
    """

    min_duration_s: float = 0.2
    max_duration_s: float = 7200.0
    max_bytes: int = 16 << 30
    max_streams: int = 32
    min_side_px: int = 64
    max_side_px: int = 4320
    max_frame_rate: float = 241.0
    min_segment_s: float = 5.0
    max_segment_s: float = 10.0
    shot_threshold: float = 3.0
    shot_min_change: float = 15.0
    max_words_beyond_s: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < 2 * self.min_segment_s <= self.max_segment_s:
            raise ValueError(
                f"min_segment_s is {self.min_segment_s} and max_segment_s {self.max_segment_s}; max_segment_s must be "
                "at least twice min_segment_s, so that every length above it can be cut"
            )
        for name in ("shot_threshold", "shot_min_change", "max_words_beyond_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")
        _ = self.probe_limits

    @property
    def probe_limits(self) -> ProbeLimits:
        return ProbeLimits(
            min_duration_s=self.min_duration_s,
            max_duration_s=self.max_duration_s,
            max_bytes=self.max_bytes,
            max_streams=self.max_streams,
            min_side_px=self.min_side_px,
            max_side_px=self.max_side_px,
            max_frame_rate=self.max_frame_rate,
        )
