"""Bootstrap intervals and sign-flip tests of means over clips, for the warehouse's summaries.

A mean is resampled over the clips that have a value in it, in the order of their ids and by draws of a fixed seed
(``cals_models.metrics.resampling``): the same scores always give the same interval, whatever else was scored.

Legend: N clips, S series (one a mean).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cals_models.metrics.resampling import Floats, bootstrap_interval, direction, sign_flip_p_value

SERIES_KEY = ["method", "audio", "protocol", "metric", "evaluator"]
DIFFERENCES = ("method_difference", "wrong_audio_margin")
# With other audio it is judged against another recording: own minus other is no margin.
WITHOUT_MARGIN = ("opening",)


def _rows(quantity: str, dataset: str, keys: list[dict[str, Any]], values: Floats) -> list[dict[str, Any]]:
    """A row for each series of ``values``, float64 (N, S), that any clip has a value for; ``keys`` has S items."""
    if not keys:
        return []
    low, high = bootstrap_interval(values)
    is_difference = quantity in DIFFERENCES
    p_value = sign_flip_p_value(values) if is_difference else np.full(len(keys), np.nan)
    num_clips = np.isfinite(values).sum(axis=0)
    columns = zip(keys, num_clips, low, high, p_value, strict=True)
    return [
        {"quantity": quantity, "dataset": dataset, "other_method": None, "frames": None, **key}
        | {"num_clips": int(n), "low": lo, "high": hi, "p_value": p}
        | {"direction": direction(lo, hi, p) if is_difference else None}
        for key, n, lo, hi, p in columns
        if n > 0
    ]


def _mirrored(row: dict[str, Any]) -> dict[str, Any]:
    """The same difference seen from the other method."""
    swapped = {"method": row["other_method"], "other_method": row["method"]}
    shown = None if row["direction"] is None else -row["direction"]
    return row | swapped | {"low": -row["high"], "high": -row["low"], "direction": shown}


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
            has_margin = metric in signs and protocol not in WITHOUT_MARGIN
            if own is not None and wrong is not None and has_margin:
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
    frame = pd.DataFrame(
        rows, columns=[*columns, "frames", "num_clips", "low", "high", "p_value", "direction"]
    )
    return frame.assign(
        evaluator=frame["evaluator"].replace("", None),
        frames=frame["frames"].astype("Int64"),
        direction=frame["direction"].astype("Int64"),
    )
