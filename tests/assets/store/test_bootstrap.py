"""Bootstrap intervals and sign-flip tests against plain loops, exact enumeration and known coverage."""

from __future__ import annotations

from itertools import product
from math import erfc

import numpy as np
import pandas as pd
import pytest

from assets.store.bootstrap import bootstrap_intervals
from cals_models.metrics.resampling import (
    NUM_RESAMPLES,
    SEED,
    bootstrap_interval,
    direction,
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
    alone_low, alone_high = bootstrap_interval(np.delete(values[:, 1:], 5, axis=0))
    assert low[0] == full_low[0]
    assert (low[1], high[1]) == (alone_low[0], alone_high[0])


@pytest.mark.parametrize("num_clips", [9, 12, 40, 700])
def test_values_are_judged_the_same_beside_any_others(num_clips: int) -> None:
    """Byte for byte: other series, clips without a value in this one, and their order among them."""
    rng = np.random.default_rng(num_clips)
    own = rng.normal(0.1, 1, (num_clips, 1))
    beside = np.full((num_clips + 57, 1 + 12), np.nan)
    places = np.sort(rng.choice(len(beside), num_clips, replace=False))
    beside[:, 1:] = np.where(rng.random((len(beside), 12)) < 0.8, rng.normal(size=(len(beside), 12)), np.nan)
    beside[places, 0] = own[:, 0]
    alone = (*bootstrap_interval(own), sign_flip_p_value(own))
    among = (*bootstrap_interval(beside), sign_flip_p_value(beside))
    assert [found[0].tobytes() for found in alone] == [found[0].tobytes() for found in among]


def test_one_clip_has_no_interval() -> None:
    low, high = bootstrap_interval(np.array([[1.0, 1.0], [np.nan, 2.0]]))
    assert np.isnan([low[0], high[0]]).all() and np.isfinite([low[1], high[1]]).all()


def test_sign_flips_agree_with_all_flips_of_a_small_sample() -> None:
    differences = np.array([0.9, 1.4, -0.3, 0.8, 1.1, 0.2, 0.7, -0.1])
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=8)]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)
    assert sign_flip_p_value(differences[:, None])[0] == exact


@pytest.mark.parametrize("num_clips", [2, 3, 6, 8, 12])
def test_no_p_value_is_below_the_least_that_so_few_clips_attain(num_clips: int) -> None:
    assert sign_flip_p_value(np.linspace(1, 2, num_clips)[:, None])[0] == 2 / 2**num_clips


def test_random_flips_of_more_clips_agree_with_the_normal_limit() -> None:
    differences = np.random.default_rng(4).normal(0.35, 1, (60, 1))
    z = abs(differences.sum()) / np.sqrt(np.square(differences).sum())
    assert sign_flip_p_value(differences)[0] == pytest.approx(erfc(z / np.sqrt(2)), abs=0.01)
    assert sign_flip_p_value(np.full((30, 1), 2.0))[0] == 1 / (NUM_RESAMPLES + 1)


def test_a_direction_is_shown_where_interval_and_test_agree() -> None:
    assert direction(0.1, 0.4, 0.01) == 1 and direction(-0.4, -0.1, 0.049) == -1
    assert direction(0.1, 0.4, 0.05) == 0 and direction(-0.4, -0.1, 0.0625) == 0
    assert direction(-0.1, 0.4, 0.01) == 0 and direction(0.0, 0.0, 1.0) == 0
    assert direction(float("nan"), float("nan"), float("nan")) is None


def test_five_clips_never_show_a_direction_and_six_can() -> None:
    for num, shown in ((5, 0), (6, 1)):
        rows = [(m, f"c{i}", "own", 1.0 + i / 10 + (m == "x")) for m in ("x", "y") for i in range(num)]
        frame = bootstrap_intervals(scores(rows), {"lmd": "lower"})
        pairs = frame[frame["quantity"] == "method_difference"].set_index("method")
        assert pairs.loc["x", "low"] > 0
        assert pairs["direction"].to_dict() == {"x": shown, "y": -shown}
        assert frame[frame["quantity"] == "mean"]["direction"].isna().all()


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


def test_foreign_clips_change_nothing_of_other_methods() -> None:
    rng = np.random.default_rng(7)
    rows = [
        (m, f"d/test/{i:02d}", a, float(rng.normal()))
        for m in ("x", "y")
        for i in range(14)
        for a in ("own", "other")
    ]
    foreign = [
        ("external/z", f"{letter}{i}", "own", float(rng.normal())) for i in range(9) for letter in "ae"
    ]
    alone = bootstrap_intervals(scores(rows), {"lmd": "lower"})
    among = bootstrap_intervals(scores(rows + foreign), {"lmd": "lower"})
    kept = among[(among["method"] != "external/z") & (among["other_method"] != "external/z")].reset_index(
        drop=True
    )
    assert kept.equals(alone) and len(among) == len(alone) + 1


def test_no_scores_make_an_empty_table() -> None:
    assert bootstrap_intervals(scores([]), {"lmd": "lower"}).empty
