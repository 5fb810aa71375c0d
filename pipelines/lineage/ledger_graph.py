"""The ledger as a graph: which materialisation read which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assets.external_renders.video_set import GENERATED, REFERENCE
from assets.project.graph import STAGES, stage_names
from assets.project.home import Home
from assets.store import ledger

Row = dict[str, Any]
Partition = tuple[str, str, str | None]

MODEL_ASSETS = stage_names("models")
# Splits of a shard set that a stage reads; a stage not named here reads all.
SPLITS_READ: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MODEL_ASSETS, ("train", "val")),
    "renders": ("test",),
    "clip_metrics": ("test",),
    "context_window": ("test",),
    "masked_audio": ("test",),
}
ALL_SPLITS = ("train", "val", "test")
# Inputs that are observed, not computed; settings/<stage> are observed too.
OBSERVED = frozenset(
    {GENERATED, REFERENCE, "lse_weights"}.union(*(stage.sources for stage in STAGES.values()))
)


def label(row: Row) -> str:
    """``asset/dataset`` or ``asset/dataset/method``."""
    return "/".join(part for part in (row["asset"], row["dataset"], row["method"]) if part)


def partition(row: Row) -> Partition:
    return (row["asset"], row["dataset"], row["method"])


def splits_read(asset: str, *, own: bool = True) -> tuple[str, ...]:
    """Splits of a shard set that a stage reads; of another dataset's (``train_on``) a training reads ``train``."""
    return SPLITS_READ.get(asset, ALL_SPLITS) if own else ("train",)


def input_partition(name: str, dataset: str) -> Partition:
    """Asset, dataset and method of an input as the ledger names it: ``asset``, ``asset|method``, ``asset@dataset``."""
    whole, _, method = name.partition("|")
    asset, _, other = whole.partition("@")
    return asset, other or dataset, method or None


def is_observed(name: str) -> bool:
    """Whether the ledger's input of that name is observed, not computed."""
    return "/" in name.partition("|")[0] or name in OBSERVED


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a materialisation.

    Args:
        name: as in the ledger: ``asset``, ``asset|method``, ``shards@dataset`` for another dataset that was trained on, or
            a source such as ``settings/mels``.
        data_version: the content that was read.
        producer: the materialisation that produced it; None for a source, or where none is on record.
        is_source: observed, not computed: settings, raw files, the offset probe.
    """

    name: str
    data_version: str
    producer: Row | None
    is_source: bool


class LedgerGraph:
    """All materialisations on record, with their edges.

    Args:
        rows: ledger rows, oldest first.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.by_id = {row["materialization_id"]: row for row in rows}
        self.heads: dict[Partition, Row] = {partition(row): row for row in rows}
        self._by_content: dict[tuple[Partition, str], list[Row]] = {}
        self._weights: dict[str, list[Row]] = {}
        self._consumers: dict[str, list[Row]] | None = None
        for row in rows:
            self._by_content.setdefault((partition(row), row["data_version"]), []).append(row)
            if row["asset"] in MODEL_ASSETS:
                self._weights.setdefault(row["data_version"], []).append(row)

    @classmethod
    def read(cls, home: Home) -> LedgerGraph:
        return cls(ledger.read(home))

    def is_current(self, row: Row) -> bool:
        """Whether it is the latest materialisation of its partition."""
        return bool(self.heads[partition(row)]["materialization_id"] == row["materialization_id"])

    def with_content(self, of: Partition, data_version: str) -> list[Row]:
        """Materialisations of a partition with this content, oldest first."""
        return self._by_content.get((of, data_version), [])

    def inputs(self, row: Row) -> Iterator[Input]:
        """Inputs of a materialisation, each with the materialisation that produced it."""
        for name, version in sorted(json.loads(row["inputs_json"] or "{}").items()):
            of = input_partition(name, row["dataset"])
            is_source = is_observed(name)
            # an offset probe is a model of another dataset
            candidates = self._weights.get(version, []) if is_source else self.with_content(of, version)
            yield Input(
                name=name, data_version=version, producer=_before(candidates, row), is_source=is_source
            )

    def consumers(self) -> dict[str, list[Row]]:
        """Readers of each materialisation, by its id."""
        if self._consumers is None:
            self._consumers = {}
            for row in self.rows:
                for read in self.inputs(row):
                    if read.producer is not None:
                        self._consumers.setdefault(read.producer["materialization_id"], []).append(row)
        return self._consumers


def _before(candidates: list[Row], row: Row) -> Row | None:
    """The latest that is not newer than ``row``; the first if all are newer, since the clocks of hosts may differ."""
    earlier = [made for made in candidates if made["at"] <= row["at"]]
    return earlier[-1] if earlier else candidates[0] if candidates else None
