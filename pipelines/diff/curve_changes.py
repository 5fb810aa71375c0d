"""Training curves and last metrics of the models on both sides."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from assets.project.home import Home
from pipelines.diff.kept_rows import written_rows
from pipelines.diff.pairs import Pair
from pipelines.lineage.ledger_graph import MODEL_ASSETS, LedgerGraph, Row

Curve = list[tuple[int, float]]


def curve_changes(
    home: Home, graph: LedgerGraph, pairs: Sequence[Pair], notes: list[str]
) -> list[dict[str, Any]]:
    """The curves of each pair of different models: label, split, metric, a and b as (step, value), in order of steps."""
    found = []
    for pair in _different_models(pairs):
        a, b = (_curves(home, graph, row, notes) for row in (pair.a, pair.b))
        for split, metric in dict.fromkeys([*a, *b]):
            key = (split, metric)
            found.append({"label": pair.label, "split": split, "metric": metric,
                          "a": a.get(key, []), "b": b.get(key, [])})  # fmt: skip
    return found


def model_changes(
    home: Home, graph: LedgerGraph, pairs: Sequence[Pair], notes: list[str]
) -> list[dict[str, Any]]:
    """Last metrics on held-out clips, steps and seconds of each pair of different models: label, metric, a, b."""
    found = []
    for pair in _different_models(pairs):
        a, b = (_last_values(home, graph, row, notes) for row in (pair.a, pair.b))
        for name in dict.fromkeys([*a, *b]):
            found.append({"label": pair.label, "metric": name, "a": a.get(name), "b": b.get(name)})
    return found


def _different_models(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.asset in MODEL_ASSETS and pair.has_two_versions]


def _curves(
    home: Home, graph: LedgerGraph, row: Row | None, notes: list[str]
) -> dict[tuple[str, str], Curve]:
    curves: dict[tuple[str, str], Curve] = {}
    if row is None or not row["mlflow_run_id"]:  # a control trains nothing
        return curves
    for point in written_rows(home, graph, row, "training_curves", notes):
        if point["value"] is not None and math.isfinite(point["value"]):
            curves.setdefault((point["split"], point["metric"]), []).append((point["step"], point["value"]))
    return {key: sorted(points) for key, points in curves.items()}


def _last_values(home: Home, graph: LedgerGraph, row: Row | None, notes: list[str]) -> dict[str, float]:
    if row is None or not row["mlflow_run_id"]:
        return {}
    values: dict[str, float] = {}
    for model in written_rows(home, graph, row, "models", notes):
        values |= {name: model[name] for name in ("steps", "seconds") if model.get(name) is not None}
        values |= json.loads(model.get("figures_json") or "{}")
    return values
