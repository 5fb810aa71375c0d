"""How far raters agree: Krippendorff's alpha for ordinal ratings.

Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise


def krippendorff_alpha(units: Iterable[Sequence[int]]) -> float | None:
    """alpha = 1 - D_observed / D_expected with the ordinal difference; higher is better.

    For values c < k, ``delta(c, k) = (n_c / 2 + n_(c+1) + ... + n_(k-1) + n_k / 2)^2``, where ``n_v`` counts value v.

    Args:
        units: for each rated thing the ratings that it got, from any number of raters; those with one are left out.

    Returns:
        1 for full agreement, 0 for as much as by chance, below 0 for less; None where fewer than two ratings can be
        paired or all are equal, so that there is nothing to agree upon.
    """
    paired = [Counter(ratings) for ratings in units if len(ratings) >= 2]
    totals: Counter[int] = sum(paired, Counter())
    num = totals.total()
    if len(totals) < 2:
        return None
    ranks = _mid_ranks(totals)
    observed = sum(_disagreement(unit, ranks) / (unit.total() - 1) for unit in paired)
    expected = _disagreement(totals, ranks) / (num - 1)
    return 1 - observed / expected


def _mid_ranks(totals: Counter[int]) -> dict[int, float]:
    """Middle rank of each value; the difference of two is the root of their ordinal delta."""
    values = sorted(totals)
    ranks = {values[0]: totals[values[0]] / 2}
    for lower, upper in pairwise(values):
        ranks[upper] = ranks[lower] + (totals[lower] + totals[upper]) / 2
    return ranks


def _disagreement(counts: Counter[int], ranks: dict[int, float]) -> float:
    """Sum of delta over all ordered pairs of different ratings."""
    return sum(
        counts[one] * counts[other] * (ranks[one] - ranks[other]) ** 2 for one in counts for other in counts
    )
