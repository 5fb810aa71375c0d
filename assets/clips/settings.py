"""Settings of `clips`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated

from assets.media.limits import ProbeLimits
from cals_models.declarations.bounds import Positive, Share, WithoutEffect

FEW_UNEXPECTED = "few_unexpected_errors"
"""Check of each stage that works clip by clip, on ``max_unexpected_share``."""


@dataclass(frozen=True, kw_only=True)
class ClipsSettings(ProbeLimits):
    """Which files become clips, and how long ones are cut.

    Args:
        min_segment_s, max_segment_s: length of the segments into which long sources are cut.
        shot_threshold: a shot changes where the frames change this many times as much as around it.
        shot_min_change: a shot changes only where the frames change at least this much (mean of hue, saturation and
            value, 0..255).
        max_words_beyond_s: how far the stated words may reach beyond the video's end.
        max_unexpected_share: share of a stage's clips that may end by an unexpected error (a defect of the pipeline, not
            of the clip); above it a check fails, here and in each stage that works clip by clip.
    """

    min_segment_s: Positive = 5.0
    max_segment_s: Positive = 10.0
    shot_threshold: Positive = 3.0
    shot_min_change: Positive = 15.0
    max_words_beyond_s: Positive = 0.25
    max_unexpected_share: Annotated[Share, WithoutEffect(why="it decides a check, not what is computed")] = (
        0.01
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 2 * self.min_segment_s > self.max_segment_s:
            raise ValueError(
                f"min_segment_s is {self.min_segment_s} and max_segment_s {self.max_segment_s}; max_segment_s must be "
                "at least twice min_segment_s, so that every length above it can be cut"
            )


def probe_limits(settings: ProbeLimits) -> ProbeLimits:
    """The limits of a file alone, of the settings of `clips`."""
    limits = dataclasses.fields(ProbeLimits)
    return ProbeLimits(**{limit.name: getattr(settings, limit.name) for limit in limits})
