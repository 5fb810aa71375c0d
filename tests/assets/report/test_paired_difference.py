"""Means and paired differences over clips."""

from __future__ import annotations

import pytest

from assets.report.paired_difference import difference, estimate


def test_interval_holds_the_mean_and_one_clip_has_none() -> None:
    found = estimate([1.0, 2.0, 3.0, 6.0])
    assert found is not None and found.mean == 3.0 and found.num_clips == 4
    assert found.low is not None and found.high is not None and 1 <= found.low < 3 < found.high <= 6
    alone = estimate([2.0])
    assert alone is not None and (alone.mean, alone.low, alone.high) == (2.0, None, None)
    assert estimate([]) is None


def test_only_clips_that_both_have_are_compared() -> None:
    ours = {"a": 1.0, "b": 2.0, "c": 9.0}
    theirs = {"a": 2.0, "b": 4.0, "d": 0.0}
    found = difference(ours, theirs, better="lower")
    assert found is not None and (found["mean_difference"], found["num_clips"]) == (-1.5, 2)
    assert difference({"a": 1.0}, {"b": 1.0}, better="lower") is None


@pytest.mark.parametrize(("better", "expected"), [("higher", True), ("lower", False)])
def test_direction_decides_what_is_better(better: str, expected: bool) -> None:
    ours = {str(i): 2.0 + i % 3 for i in range(12)}
    found = difference(ours, {clip: value - 1 for clip, value in ours.items()}, better=better)
    assert found is not None and found["is_better"] is expected and found["p_value"] < 0.01
    mixed = difference(ours, {c: v + (-1) ** int(c) for c, v in ours.items()}, better=better)
    assert mixed is not None and mixed["is_better"] is None and mixed["p_value"] > 0.5


def test_the_test_is_that_of_all_sign_flips() -> None:
    """Four equal differences: 2 of the 16 flips are as far from 0, which shows nothing."""
    found = difference(dict.fromkeys("abcd", 1.0), dict.fromkeys("abcd", 0.0), better="higher")
    assert found is not None and (found["p_value"], found["is_better"]) == (2 / 16, None)
