"""Means over clips: their bootstrap interval, the paired test that one is 0, and the rule of what they show.

A series is judged by the clips that have a value in it, and by nothing else: the same values give the same interval and
p-value, byte for byte, whatever other series and clips there are.

Legend: N clips, S series (one a mean), n clips with a value, R resamples at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

NUM_RESAMPLES = 2000
SEED = 20230519
SIGNIFICANT = 0.05
# Up to this many clips, every flip of signs is tried: 4,096 of them.
MOST_CLIPS_ENUMERATED = 12
_RESAMPLES_AT_ONCE = 50
Floats = npt.NDArray[np.float64]


def direction(low: float, high: float, p_value: float) -> int | None:
    """What a mean difference shows: 1 or -1 where its interval leaves 0 out and the test agrees (p below 0.05), else 0.

    With a handful of clips a bootstrap interval is too narrow, and the test can't come out small.

    Returns:
        None where there is no interval.
    """
    if not np.isfinite(low):
        return None
    if p_value >= SIGNIFICANT or low <= 0 <= high:
        return 0
    return 1 if low > 0 else -1


def bootstrap_interval(values: Floats) -> tuple[Floats, Floats]:
    """95 % percentile interval of each column's mean under resampling of the rows (clips) that have a value in it.

    Columns without gaps, and those with as many clips, are resampled by the same draws, which keeps comparisons paired.

    Args:
        values: float64 (N, S); NaN where a clip has no value.

    Returns:
        low and high, float64 (S,) each; NaN where fewer than 2 clips have a value.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    for num, series in _by_number(values).items():
        means = {place: np.empty(NUM_RESAMPLES) for place in series}
        at = 0
        for counts in _resample_counts(num):
            for place, column in series.items():
                # One column a product: what a product of several gives depends on how many there are.
                means[place][at : at + len(counts)] = counts @ column / num
            at += len(counts)
        for place, own in means.items():
            low[place], high[place] = np.percentile(own, [2.5, 97.5])
    return low, high


def sign_flip_p_value(differences: Floats) -> Floats:
    """Two-sided p-value of each column's mean under flips of each clip's sign: all flips of few clips, else random ones.

    Args:
        differences: float64 (N, S), paired differences; NaN where a clip has none.

    Returns:
        float64 (S,), never below 2 / 2**n for n clips up to 12, nor below 1 / (number of resamples + 1) above; NaN
        where fewer than 2 clips have a value.

    Source: Good, Permutation Tests, chapter 3 (one-sample test of location).
    """
    p_values = np.full(differences.shape[1], np.nan)
    for num, series in _by_number(differences).items():
        is_exact = num <= MOST_CLIPS_ENUMERATED
        extreme = dict.fromkeys(series, 0)
        total = 0
        for signs in _all_signs(num) if is_exact else _random_signs(num):
            total += len(signs)
            for place, column in series.items():
                least = abs(column.sum()) - 1e-12 * np.abs(column).sum()
                extreme[place] += int((np.abs(signs @ column) >= least).sum())
        for place, number in extreme.items():
            p_values[place] = number / total if is_exact else (number + 1) / (total + 1)
    return p_values


def _by_number(values: Floats) -> dict[int, dict[int, Floats]]:
    """Number of clips with a value, 2 or more -> place of each such column -> its values."""
    found: dict[int, dict[int, Floats]] = {}
    for place in range(values.shape[1]):
        column = values[:, place]
        own = np.ascontiguousarray(column[np.isfinite(column)])
        if len(own) >= 2:
            found.setdefault(len(own), {})[place] = own
    return found


def _resample_counts(num_clips: int) -> Iterator[Floats]:
    """How often each clip is drawn in each resample: float64 (R, n), a few resamples at a time."""
    rng = np.random.default_rng(SEED)
    for start in range(0, NUM_RESAMPLES, _RESAMPLES_AT_ONCE):
        num = min(_RESAMPLES_AT_ONCE, NUM_RESAMPLES - start)
        draws = rng.integers(0, num_clips, (num, num_clips))
        yield np.stack([np.bincount(row, minlength=num_clips) for row in draws]).astype(np.float64)


def _random_signs(num_clips: int) -> Iterator[Floats]:
    """Random signs for each clip in each resample: float64 (R, n) of -1 and 1, a few resamples at a time."""
    rng = np.random.default_rng(SEED + 1)
    for start in range(0, NUM_RESAMPLES, _RESAMPLES_AT_ONCE):
        num = min(_RESAMPLES_AT_ONCE, NUM_RESAMPLES - start)
        yield rng.integers(0, 2, (num, num_clips)).astype(np.float64) * 2 - 1


def _all_signs(num_clips: int) -> Iterator[Floats]:
    """Every choice of signs: float64 (2**n, n) of -1 and 1."""
    yield np.array(list(product((-1.0, 1.0), repeat=num_clips)))
