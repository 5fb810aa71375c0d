"""Settings of the report page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cals_models.declarations.bounds import Bound, CountOrZero
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Settings):
    """What the page shows, and how large it may become.

    Args:
        headline_method: method that the verdict is about.
        num_example_clips: test clips shown side by side, spread evenly over the clip ids.
        num_extreme_clips: clips shown at each end: the best and the worst of the headline method by ``lmd``.
        video_scale: whole factor by which crops of 128 px are enlarged in the videos; larger ones fill the same room.
        video_crf: quality of the H.264 videos, 0 (lossless) to 51; only the page's videos are lossy.
        max_video_frames: longest piece of a clip that is shown, in frames at 25 fps.
        max_rejected_rows: rejected clips listed one by one; the rest are counted.
        max_curve_points: points kept of a training curve; longer ones are averaged in blocks.
    """

    headline_method: str = "cals"
    num_example_clips: CountOrZero = 2
    num_extreme_clips: CountOrZero = 2
    video_scale: Annotated[int, Bound(at_least=1, at_most=8)] = 2
    video_crf: Annotated[int, Bound(at_least=0, at_most=51, text="0 (lossless) to 51")] = 20
    max_video_frames: Annotated[int, Bound(at_least=2)] = 150
    max_rejected_rows: CountOrZero = 50
    max_curve_points: Annotated[int, Bound(at_least=10)] = 300
