"""Settings of the report page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """What the page shows, and how large it may become.

    Args:
        headline_method: method whose figures the verdict is about.
        num_example_clips: test clips shown side by side, spread evenly over the clip ids.
        num_extreme_clips: clips shown at each end: the best and the worst of the headline method by ``lmd``.
        video_scale: whole factor by which the 128-px crops are enlarged in the videos.
        video_crf: quality of the H.264 videos, 0 (lossless) to 51; the page's only lossy pictures.
        max_video_frames: longest piece of a clip that is shown, in frames at 25 fps.
        max_rejected_rows: rejected clips listed one by one; the rest are counted.
        max_curve_points: points kept of a training curve; longer ones are averaged in blocks.
    """

    headline_method: str = "cals"
    num_example_clips: int = 2
    num_extreme_clips: int = 2
    video_scale: int = 2
    video_crf: int = 20
    max_video_frames: int = 150
    max_rejected_rows: int = 50
    max_curve_points: int = 300

    def __post_init__(self) -> None:
        for name in ("num_example_clips", "num_extreme_clips", "max_rejected_rows"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 1 <= self.video_scale <= 8:
            raise ValueError(f"video_scale is {self.video_scale}; it must be a whole number from 1 to 8")
        if not 0 <= self.video_crf <= 51:
            raise ValueError(f"video_crf is {self.video_crf}; it must be between 0 (lossless) and 51")
        if self.max_video_frames < 2:
            raise ValueError(f"max_video_frames is {self.max_video_frames}; it must be at least 2")
        if self.max_curve_points < 10:
            raise ValueError(f"max_curve_points is {self.max_curve_points}; it must be at least 10")
