"""Bootstrap intervals and sign-flip tests of means over clips, for the warehouse's summaries.

Every mean of a dataset is resampled with the same draws of clips, which keeps comparisons paired and needs only
a few matrix products. Draws depend on a fixed seed and the sorted clip ids, so the same scores always give the
same interval.

Legend: N clips, S series (one a mean), R resamples at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

NUM_RESAMPLES = 2000
SEED = 20230519
_RESAMPLES_AT_ONCE = 50
SERIES_KEY = ["method", "audio", "protocol", "metric", "evaluator"]
DIFFERENCES = ("method_difference", "wrong_audio_margin")
Floats = npt.NDArray[np.float64]


def _resample_counts(num_clips: int) -> Iterator[Floats]:
    """How often each clip is drawn in each resample: float64 (R, N), a few resamples at a time."""
    rng = np.random.default_rng(SEED)
    for start in range(0, NUM_RESAMPLES, _RESAMPLES_AT_ONCE):
        num = min(_RESAMPLES_AT_ONCE, NUM_RESAMPLES - start)
        draws = rng.integers(0, num_clips, (num, num_clips))
        yield np.stack([np.bincount(row, minlength=num_clips) for row in draws]).astype(np.float64)


def _random_signs(num_clips: int) -> Iterator[Floats]:
    """Random signs for each clip in each resample: float64 (R, N) of -1 and 1, a few resamples at a time."""
    rng = np.random.default_rng(SEED + 1)
    for start in range(0, NUM_RESAMPLES, _RESAMPLES_AT_ONCE):
        num = min(_RESAMPLES_AT_ONCE, NUM_RESAMPLES - start)
        yield rng.integers(0, 2, (num, num_clips)).astype(np.float64) * 2 - 1


def bootstrap_interval(values: Floats) -> tuple[Floats, Floats]:
    """95 % percentile interval of each column's mean under resampling of rows (clips).

    Args:
        values: float64 (N, S); NaN where a clip has no value.

    Returns:
        low and high, float64 (S,) each; NaN where fewer than 2 clips have a value.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    complete = bool(present.all())
    means = []
    for counts in _resample_counts(len(values)):
        weight = len(values) if complete else counts @ present
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((counts @ filled) / weight)  # 0 / 0 is NaN: no clip with a value was drawn
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    enough = present.sum(axis=0) >= 2
    if enough.any():
        low[enough], high[enough] = np.nanpercentile(np.concatenate(means)[:, enough], [2.5, 97.5], axis=0)
    return low, high


def sign_flip_p_value(differences: Floats) -> Floats:
    """Two-sided p-value of each column's mean under random flips of each clip's sign.

    Args:
        differences: float64 (N, S), paired differences; NaN where a clip has none.

    Returns:
        float64 (S,), never below 1 / (number of resamples + 1); NaN where fewer than 2 clips have a value.

    Source: Good, Permutation Tests, chapter 3 (one-sample test of location).
    """
    present = np.isfinite(differences)
    filled = np.where(present, differences, 0.0)
    observed = np.abs(filled.sum(axis=0))
    tolerance = 1e-12 * np.abs(filled).sum(axis=0)
    extreme = np.zeros(differences.shape[1])
    for signs in _random_signs(len(differences)):
        extreme += (np.abs(signs @ filled) >= observed - tolerance).sum(axis=0)
    p_value = (extreme + 1) / (NUM_RESAMPLES + 1)
    return np.where(present.sum(axis=0) >= 2, p_value, np.nan)


def _rows(quantity: str, dataset: str, keys: list[dict[str, Any]], values: Floats) -> list[dict[str, Any]]:
    """A row for each series of ``values``, float64 (N, S), that any clip has a value for; ``keys`` has S items."""
    if not keys:
        return []
    low, high = bootstrap_interval(values)
    p_value = sign_flip_p_value(values) if quantity in DIFFERENCES else np.full(len(keys), np.nan)
    num_clips = np.isfinite(values).sum(axis=0)
    columns = zip(keys, num_clips, low, high, p_value, strict=True)
    return [
        {"quantity": quantity, "dataset": dataset, "other_method": None, "frames": None, **key}
        | {"num_clips": int(n), "low": lo, "high": hi, "p_value": p}
        for key, n, lo, hi, p in columns
        if n > 0
    ]


def _mirrored(row: dict[str, Any]) -> dict[str, Any]:
    """The same difference seen from the other method."""
    swapped = {"method": row["other_method"], "other_method": row["method"]}
    return row | swapped | {"low": -row["high"], "high": -row["low"]}


def _dataset_rows(dataset: str, scores: pd.DataFrame, signs: Mapping[str, int]) -> list[dict[str, Any]]:
    """Means, differences of methods and wrong-audio margins of one dataset.

    Args:
        signs: metric -> 1 where higher is better, -1 where lower is.
    """
    wide = scores.pivot(index="clip_id", columns=SERIES_KEY, values="value").sort_index()
    series = [dict(zip(SERIES_KEY, column, strict=True)) for column in wide.columns]
    values = wide.to_numpy(np.float64)
    place = {tuple(key.values()): i for i, key in enumerate(series)}

    differences, difference_keys = [], []
    margins, margin_keys = [], []
    for protocol, metric, evaluator in sorted({(k["protocol"], k["metric"], k["evaluator"]) for k in series}):
        rest = (protocol, metric, evaluator)
        methods = sorted({method for method, _, *other in place if tuple(other) == rest})
        shared = {"protocol": protocol, "metric": metric, "evaluator": evaluator}
        for one, other in combinations([m for m in methods if (m, "own", *rest) in place], 2):
            difference = values[:, place[(one, "own", *rest)]] - values[:, place[(other, "own", *rest)]]
            differences.append(difference)
            difference_keys.append({"method": one, "other_method": other, "audio": "own", **shared})
        for method in methods:
            own, wrong = place.get((method, "own", *rest)), place.get((method, "other", *rest))
            if own is not None and wrong is not None and metric in signs:
                margins.append(signs[metric] * (values[:, own] - values[:, wrong]))
                margin_keys.append({"method": method, "audio": None, **shared})

    rows = _rows("mean", dataset, series, values)
    if differences:
        found = _rows("method_difference", dataset, difference_keys, np.stack(differences, axis=1))
        rows += found + [_mirrored(row) for row in found]
    if margins:
        rows += _rows("wrong_audio_margin", dataset, margin_keys, np.stack(margins, axis=1))
    return rows


def _point_rows(dataset: str, quantity: str, points: pd.DataFrame) -> list[dict[str, Any]]:
    """The means of one quantity of Figure 2 or Figure 3: own audio, LMD by the protocol ``primary``."""
    wide = points.pivot(index="clip_id", columns=["method", "frames"], values="value").sort_index()
    shared = {"audio": "own", "protocol": "primary", "metric": "lmd", "evaluator": ""}
    keys = [dict(zip(("method", "frames"), column, strict=True)) | shared for column in wide.columns]
    return _rows(quantity, dataset, keys, wide.to_numpy(np.float64))


def bootstrap_intervals(
    scores: pd.DataFrame, better: Mapping[str, str], points: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Rows of the table ``bootstrap_intervals``.

    Args:
        scores: columns dataset, method, clip_id, audio, protocol, metric, evaluator, value.
        better: metric -> ``higher`` or ``lower``; margins of metrics that are not in it are left out.
        points: of Figures 2 and 3, where there are any: columns quantity, dataset, method, clip_id, frames, value.

    Returns:
        One row for each mean, difference of two methods, wrong-audio margin and point that has a clip.
    """
    signs = {metric: 1 if direction == "higher" else -1 for metric, direction in better.items()}
    known = scores.assign(evaluator=scores["evaluator"].fillna(""))
    rows: list[dict[str, Any]] = []
    for dataset, group in known.groupby("dataset", sort=True):
        rows += _dataset_rows(str(dataset), group, signs)
    if points is not None:
        for (of, quantity), group in points.groupby(["dataset", "quantity"], sort=True):
            rows += _point_rows(str(of), str(quantity), group)
    columns = ["quantity", "dataset", "method", "other_method", "audio", "protocol", "metric", "evaluator"]
    frame = pd.DataFrame(rows, columns=[*columns, "frames", "num_clips", "low", "high", "p_value"])
    return frame.assign(
        evaluator=frame["evaluator"].replace("", None), frames=frame["frames"].astype("Int64")
    )
