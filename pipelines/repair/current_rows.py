"""Ledger rows of the partitions that there should be now."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from assets.project.settings import Project
from assets.store.ledger import Heads
from pipelines.lineage.ledger_graph import Row


def current_rows(project: Project, heads: Heads, busy: Collection[str]) -> Iterator[Row]:
    """Latest rows of the partitions that ``cals.yaml`` names, except those of busy datasets."""
    for row in heads.values():
        dataset = project.datasets.get(row["dataset"])
        is_named = dataset is not None and (row["method"] is None or row["method"] in dataset.methods)
        if is_named and row["dataset"] not in busy:
            yield row
