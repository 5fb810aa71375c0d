"""Bootstrap intervals and sign-flip tests against plain loops, exact enumeration and known coverage."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from assets.store.bootstrap import (
    NUM_RESAMPLES,
    SEED,
    bootstrap_interval,
    bootstrap_intervals,
    sign_flip_p_value,
)


def test_interval_equals_resampling_in_a_plain_loop() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=(17, 1))
    rng = np.random.default_rng(SEED)
    means = []
    while len(means) < NUM_RESAMPLES:
        for draws in rng.integers(0, 17, (50, 17)):
            means.append(values[draws, 0].mean())
    low, high = bootstrap_interval(values)
    assert (low[0], high[0]) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), rel=1e-9)


def test_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(2).normal(size=(400, 1))
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert low[0] == pytest.approx(values.mean() - half, abs=0.012)
    assert high[0] == pytest.approx(values.mean() + half, abs=0.012)


def test_missing_values_are_left_out_of_their_own_series_only() -> None:
    values = np.random.default_rng(3).normal(size=(30, 2))
    with_gap = values.copy()
    with_gap[5, 1] = np.nan
    low, high = bootstrap_interval(with_gap)
    full_low, _ = bootstrap_interval(values)
    present = np.delete(values[:, 1], 5)
    assert low[0] == full_low[0]
    assert low[1] < present.mean() < high[1]


def test_one_clip_has_no_interval() -> None:
    low, high = bootstrap_interval(np.array([[1.0, 1.0], [np.nan, 2.0]]))
    assert np.isnan([low[0], high[0]]).all() and np.isfinite([low[1], high[1]]).all()


def test_sign_flips_agree_with_all_flips_of_a_small_sample() -> None:
    differences = np.array([0.9, 1.4, -0.3, 0.8, 1.1, 0.2, 0.7, -0.1])
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=8)]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)
    assert sign_flip_p_value(differences[:, None])[0] == pytest.approx(exact, abs=0.012)


def test_equal_methods_have_p_value_1() -> None:
    assert sign_flip_p_value(np.zeros((12, 1)))[0] == 1.0


def scores(rows: list[tuple[str, str, str, float | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["method", "clip_id", "audio", "value"])
    return frame.assign(dataset="d", protocol="primary", metric="lmd", evaluator=None)


def test_rows_cover_means_both_directions_and_margins() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (m, f"c{i}", a, float(rng.normal())) for m in ("x", "y") for i in range(6) for a in ("own", "other")
    ]
    frame = bootstrap_intervals(scores(rows), {"lmd": "lower"})
    assert frame["quantity"].value_counts().to_dict() == {
        "mean": 4,
        "method_difference": 2,
        "wrong_audio_margin": 2,
    }
    pairs = frame[frame["quantity"] == "method_difference"].set_index("method")
    assert pairs.loc["x", "low"] == pytest.approx(-pairs.loc["y", "high"])
    assert frame["evaluator"].isna().all()


def test_clips_of_one_method_alone_make_no_difference() -> None:
    frame = bootstrap_intervals(scores([("x", "a", "own", 1.0), ("y", "b", "own", 2.0)]), {"lmd": "lower"})
    assert set(frame["quantity"]) == {"mean"}


def test_order_of_the_rows_does_not_matter() -> None:
    rows = [("x", f"c{i}", "own", float(i % 5)) for i in range(20)]
    forward = bootstrap_intervals(scores(rows), {})
    backward = bootstrap_intervals(scores(rows[::-1]), {})
    assert forward.equals(backward)


def test_no_scores_make_an_empty_table() -> None:
    assert bootstrap_intervals(scores([]), {"lmd": "lower"}).empty
