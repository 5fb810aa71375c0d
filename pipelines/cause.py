"""Why a partition is stale, and those causes that lie in other datasets: shards that it trains on, models of its base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.project.graph import Stage
from assets.project.settings import Dataset
from assets.project.source_versions import TRAIN_ON, base_input
from assets.shards.settings import HELD_OUT_CHECK
from assets.store.ledger import Heads
from pipelines.cause_words import failed_check


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a partition is stale.

    Args:
        kind: never_made, input_changed, code_changed, setting_changed, upstream_stale, blocked, forced, imported.
        text: names what changed.
    """

    kind: str
    text: str


StaleThere = Mapping[str, Mapping[tuple[str, str | None], Cause]]
"""Dataset -> (asset, method) -> why it is stale; of the datasets that are selected."""


def cause_elsewhere(
    stage: Stage, dataset: Dataset, method: str | None, heads: Heads, stale: StaleThere
) -> Cause | None:
    """Why a training can't read now what it reads of other datasets; what is not selected is read as it is."""
    if TRAIN_ON in stage.sources:
        for other in dataset.train_on:
            cause = _shards_cause(other, heads, stale)
            if cause is not None:
                return cause
    for asset, base, _ in base_input(stage, dataset, method).values():
        return _cause_at(asset, base, method, heads, stale, role="base")
    return None


def _shards_cause(other: str, heads: Heads, stale: StaleThere) -> Cause | None:
    cause = _cause_at("shards", other, None, heads, stale, role="train_on")
    row = heads.get(("shards", other, None))
    is_held_out = cause is not None and row is not None and row["blocked_by"] == HELD_OUT_CHECK
    is_stale = ("shards", None) in stale.get(other, {})
    return None if is_held_out and not is_stale else cause  # that set's val and test are not read


def _cause_at(
    asset: str, other: str, method: str | None, heads: Heads, stale: StaleThere, *, role: str
) -> Cause | None:
    """Why an asset of another dataset can't be read: ``role`` is the key of ``cals.yaml`` that names that dataset."""
    found = stale.get(other, {}).get((asset, method))
    if found is not None and found.kind == "blocked":
        return Cause(kind="blocked", text=f"{role} {other}: {found.text}")
    if found is not None:
        return Cause(kind="upstream_stale", text=f"{asset} of {other} ({role}) will be remade")
    row = heads.get((asset, other, method))
    were = "were" if asset == "shards" else "was"
    if row is None:
        remedy = f"run: cals run --dataset {other} --to {asset}"
        return Cause(kind="blocked", text=f"{asset} of {other} ({role}) {were} never made; {remedy}")
    if row["blocked_by"]:
        return Cause(kind="blocked", text=failed_check(row, f"{asset} of {other} ({role})"))
    return None
