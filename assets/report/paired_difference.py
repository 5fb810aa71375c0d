"""Paired differences on the same clips, for comparisons that the warehouse does not resample.

Interval and test are those of ``cals_models.metrics.resampling``: 95 % percentile bootstrap over clips, paired sign-flip test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assets.report.warehouse_reader import Row
from cals_models.metrics.resampling import bootstrap_interval, direction, sign_flip_p_value


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over clips.

    Args:
        mean: in the unit of the values.
        low: lower end of its 95 % interval; None with fewer than 2 clips.
        high: upper end.
        num_clips: clips with a value.
    """

    mean: float
    low: float | None
    high: float | None
    num_clips: int


def estimate(values: Sequence[float]) -> Estimate | None:
    """The mean with its interval; None without a value."""
    if not values:
        return None
    low, high = bootstrap_interval(np.array(values, np.float64)[:, None])
    known = len(values) > 1
    return Estimate(
        mean=float(np.mean(values)),
        low=float(low[0]) if known else None,
        high=float(high[0]) if known else None,
        num_clips=len(values),
    )


def difference(ours: Mapping[str, float], theirs: Mapping[str, float], *, better: str) -> Row | None:
    """Mean of ours minus theirs over the clips that both have.

    Args:
        ours: clip id -> value.
        theirs: clip id -> value.
        better: ``higher`` or ``lower``, the direction that is better.

    Returns:
        As of ``difference_from_zero``; None where no clip has both.
    """
    return difference_from_zero(
        {clip: ours[clip] - theirs[clip] for clip in ours.keys() & theirs.keys()}, better=better
    )


def difference_from_zero(differences: Mapping[str, float], *, better: str) -> Row | None:
    """Mean of paired differences with its interval and test.

    Args:
        differences: clip id -> difference.
        better: ``higher`` or ``lower``, the direction that is better.

    Returns:
        mean_difference, low, high, p_value, is_better (None where neither is shown), num_clips,
        as in ``method_differences``; None without a clip.
    """
    values = [differences[clip] for clip in sorted(differences)]
    found = estimate(values)
    if found is None:
        return None
    p_value, is_better = None, None
    if found.low is not None and found.high is not None:
        p_value = float(sign_flip_p_value(np.array(values, np.float64)[:, None])[0])
        if shown := direction(found.low, found.high, p_value):
            is_better = (shown > 0) == (better == "higher")
    return {
        "mean_difference": found.mean,
        "low": found.low,
        "high": found.high,
        "p_value": p_value,
        "is_better": is_better,
        "num_clips": found.num_clips,
    }
