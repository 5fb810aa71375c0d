"""Metrics by clip on both sides, paired: mean difference with its interval over clips and a sign-flip test.

Interval and test are those of ``cals_models.metrics.resampling``, as in the report: 95 % percentile bootstrap over clips (2,000
resamples, fixed seed), paired sign flips.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assets.project.home import Home
from assets.store.metrics import declared_metrics
from cals_models.metrics.resampling import Floats, bootstrap_interval, direction, sign_flip_p_value
from pipelines.diff.clip_changes import clip_name
from pipelines.diff.kept_rows import written_rows
from pipelines.diff.pairs import Pair
from pipelines.lineage.ledger_graph import LedgerGraph

Series = tuple[str, str, str, str]  # audio, protocol, metric, evaluator
Values = dict[Series, dict[str, float]]
NUM_CLIPS_NAMED = 10
NOT_COMPARABLE = "not comparable"


def metric_changes(
    home: Home, graph: LedgerGraph, pairs: Sequence[Pair], notes: list[str]
) -> list[dict[str, Any]]:
    """One row for each metric that both sides have for a clip or more; differences are b minus a.

    Args:
        notes: gets a sentence about rows that are not on record.
    """
    found = []
    for pair in pairs:
        if pair.asset != "clip_metrics" or not pair.has_two_versions:
            continue
        assert pair.a is not None and pair.b is not None
        same = pair.a["dataset"] == pair.b["dataset"]
        a, b = (
            _values(written_rows(home, graph, row, "clip_metrics", notes), keep_dataset=same)
            for row in (pair.a, pair.b)
        )
        found += _changes(pair, a, b)
    return found


def set_metric_changes(
    home: Home, graph: LedgerGraph, pairs: Sequence[Pair], notes: list[str]
) -> list[dict[str, Any]]:
    """Metrics of whole splits on both sides: label, audio, metric, evaluator, a, b."""
    found = []
    for pair in pairs:
        if pair.asset != "clip_metrics" or not pair.has_two_versions:
            continue
        assert pair.a is not None and pair.b is not None
        a, b = (
            {
                (row["audio"], row["metric"], row["evaluator"]): row["value"]
                for row in written_rows(home, graph, side, "set_metrics", notes)
            }
            for side in (pair.a, pair.b)
        )
        for audio, metric, evaluator in dict.fromkeys([*a, *b]):
            key = (audio, metric, evaluator)
            found.append({"label": pair.label, "audio": audio, "metric": metric, "evaluator": evaluator,
                          "a": a.get(key), "b": b.get(key)})  # fmt: skip
    return found


def _values(rows: Sequence[Mapping[str, Any]], *, keep_dataset: bool) -> Values:
    values: Values = {}
    for row in rows:
        if row["value"] is not None and math.isfinite(row["value"]):
            key = (row["audio"], row["protocol"], row["metric"], row.get("evaluator") or "")
            values.setdefault(key, {})[clip_name(row["clip_id"], keep_dataset=keep_dataset)] = row["value"]
    return values


def _changes(pair: Pair, a: Values, b: Values) -> list[dict[str, Any]]:
    series = [key for key in a if key in b and a[key].keys() & b[key].keys()]
    if not series:
        return []
    clips = sorted({clip for key in series for clip in a[key].keys() & b[key].keys()})
    differences = np.full((len(clips), len(series)), np.nan)
    for column, key in enumerate(series):
        for line, clip in enumerate(clips):
            if clip in a[key] and clip in b[key]:
                differences[line, column] = b[key][clip] - a[key][clip]
    low, high = bootstrap_interval(differences)
    p_value = sign_flip_p_value(differences)
    changes = [
        {
            "label": pair.label,
            **dict(zip(("audio", "protocol", "metric", "evaluator"), key, strict=True)),
            **_means(a[key], b[key]),
            **_test(key[2], differences[:, column], low[column], high[column], p_value[column]),
            "note": _note(pair, key[2]),
            "clips": _most_changed(a[key], b[key]),
        }
        for column, key in enumerate(series)
    ]
    return [row | {"verdict": NOT_COMPARABLE} if row["note"] else row for row in changes]


def _means(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, Any]:
    """Means over the clips that both sides have, and how many they have alone."""
    shared = a.keys() & b.keys()
    return {
        "mean_a": math.fsum(a[clip] for clip in shared) / len(shared),
        "mean_b": math.fsum(b[clip] for clip in shared) / len(shared),
        "num_clips": len(shared),
        "num_only_a": len(a) - len(shared),
        "num_only_b": len(b) - len(shared),
    }


def _test(metric: str, differences: Floats, low: float, high: float, p_value: float) -> dict[str, Any]:
    """The paired test of b minus a."""
    declared = declared_metrics().get(metric)
    better = None if declared is None else declared.better
    verdict = _verdict(better, low, high, p_value)
    return {
        "better": better,
        "mean_difference": float(np.nanmean(differences)),
        "low": float(low) if math.isfinite(low) else None,
        "high": float(high) if math.isfinite(high) else None,
        "p_value": float(p_value) if math.isfinite(p_value) else None,
        "verdict": verdict,
    }


def _verdict(better: str | None, low: float, high: float, p_value: float) -> str | None:
    """Which side is better, by the report's rule: only where interval and test agree. None for an unknown metric."""
    if better is None:
        return None
    shown = direction(low, high, p_value)
    if shown is None:
        return "too few clips for an interval"
    if low == high == 0:
        return "the same"
    if low <= 0 <= high:
        return "no clear difference"
    if shown == 0:
        return "too few clips to tell"
    return "b is better" if (shown > 0) == (better == "higher") else "a is better"


def _note(pair: Pair, metric: str) -> str | None:
    """Why values do not compare although their names are the same."""
    assert pair.a is not None and pair.b is not None
    evaluators = [json.loads(row["inputs_json"] or "{}").get("lse_evaluator") for row in (pair.a, pair.b)]
    if metric.startswith("lse_") and evaluators[0] != evaluators[1]:
        return "measured by different evaluators"
    return None


def _most_changed(a: Mapping[str, float], b: Mapping[str, float]) -> list[dict[str, Any]]:
    changed = sorted(a.keys() & b.keys(), key=lambda clip: (-abs(b[clip] - a[clip]), clip))
    return [
        {"clip_id": clip, "a": a[clip], "b": b[clip], "difference": b[clip] - a[clip]}
        for clip in changed[:NUM_CLIPS_NAMED]
    ]
