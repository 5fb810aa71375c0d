"""Everything that differs between two sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.project.settings import Project
from pipelines.diff.changes import code_changes, environment_changes, setting_changes
from pipelines.diff.clip_changes import clip_changes
from pipelines.diff.curve_changes import curve_changes, model_changes
from pipelines.diff.metric_changes import metric_changes, set_metric_changes
from pipelines.diff.pairs import Pair, find_pairs
from pipelines.diff.side import Side, find_side
from pipelines.lineage.ledger_graph import LedgerGraph

FORMAT = 1
Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two sides, and what differs.

    Args:
        pairs: partitions of both.
        settings, code, environment: as of ``changes``.
        clips: as of ``clip_changes``.
        metrics, set_metrics: as of ``metric_changes``.
        models, curves: as of ``curve_changes``.
        notes: sentences about what is not on record.
    """

    a: Side
    b: Side
    pairs: list[Pair]
    settings: Rows
    code: Rows
    environment: Rows
    clips: Rows
    metrics: Rows
    set_metrics: Rows
    models: Rows
    curves: Rows
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        names = (
            "settings",
            "code",
            "environment",
            "clips",
            "metrics",
            "set_metrics",
            "models",
            "curves",
            "notes",
        )
        sides = {"a": self.a.as_json(), "b": self.b.as_json()}
        partitions = [pair.as_json() for pair in self.pairs]
        return {"format": FORMAT, **sides, "partitions": partitions, **{n: getattr(self, n) for n in names}}


def find_difference(project: Project, a: str, b: str) -> Difference:
    """Compares what two names stand for.

    Raises:
        DiffError: a name stands for nothing on record, or for several things.
    """
    home = project.home
    graph = LedgerGraph.read(home)
    sides = find_side(home, graph, a), find_side(home, graph, b)
    pairs = find_pairs(*sides)
    notes: list[str] = []
    return Difference(
        a=sides[0],
        b=sides[1],
        pairs=pairs,
        settings=setting_changes(pairs),
        code=code_changes(home, pairs, notes),
        environment=environment_changes(pairs),
        clips=clip_changes(home, pairs, notes),
        metrics=metric_changes(home, graph, pairs, notes),
        set_metrics=set_metric_changes(home, graph, pairs, notes),
        models=model_changes(home, graph, pairs, notes),
        curves=curve_changes(home, graph, pairs, notes),
        notes=list(dict.fromkeys(notes)),
    )
