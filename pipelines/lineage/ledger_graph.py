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
# Splits of a shard set that a stage reads; one that is not named here reads all.
SPLITS_READ: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MODEL_ASSETS, ("train", "val")),
    "renders": ("test",),
    "clip_metrics": ("test",),
    "context_window": ("test",),
    "masked_audio": ("test",),
}
ALL_SPLITS = ("train", "val", "test")
# Inputs that are looked at and not made; settings/<stage> are too.
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
    """Whether an input of that name in the ledger is observed, not made."""
    return "/" in name.partition("|")[0] or name in OBSERVED


@dataclass(frozen=True, kw_only=True)
class Input:
    """One thing that a materialisation read.

    Args:
        name: as the ledger has it: ``asset``, ``asset|method``, ``shards@dataset`` of another dataset that was trained
            on, or a source such as ``settings/mels``.
        data_version: the content that was read.
        producer: the materialisation that made it; None for a source, or where none is on record.
        is_source: observed, not made: settings, raw files, the offset probe.
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
        self._made: dict[tuple[Partition, str], list[Row]] = {}
        self._weights: dict[str, list[Row]] = {}
        self._consumers: dict[str, list[Row]] | None = None
        for row in rows:
            self._made.setdefault((partition(row), row["data_version"]), []).append(row)
            if row["asset"] in MODEL_ASSETS:
                self._weights.setdefault(row["data_version"], []).append(row)

    @classmethod
    def read(cls, home: Home) -> LedgerGraph:
        return cls(ledger.read(home))

    def is_current(self, row: Row) -> bool:
        """Whether the partition was not made again since."""
        return bool(self.heads[partition(row)]["materialization_id"] == row["materialization_id"])

    def made(self, of: Partition, data_version: str) -> list[Row]:
        """Materialisations of a partition that came to this content, oldest first."""
        return self._made.get((of, data_version), [])

    def inputs(self, row: Row) -> Iterator[Input]:
        """What a materialisation read, each with the materialisation that had made it."""
        for name, version in sorted(json.loads(row["inputs_json"] or "{}").items()):
            of = input_partition(name, row["dataset"])
            is_source = is_observed(name)
            # a probe is a model that was trained elsewhere
            candidates = self._weights.get(version, []) if is_source else self.made(of, version)
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
    """The last of them that was there when ``row`` was made; clocks of two hosts may differ, so else the first."""
    earlier = [made for made in candidates if made["at"] <= row["at"]]
    return earlier[-1] if earlier else candidates[0] if candidates else None
