"""The partitions of two sides, those that stand for the same thing beside each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from assets.project.graph import STAGES
from pipelines.diff.side import Side
from pipelines.lineage.ledger_graph import Partition, Row, label

COMPARED = ("data_version", "settings_json", "code_version", "inputs_json", "library_versions_json", "host")
WORDS = {
    "data_version": "content",
    "settings_json": "settings",
    "code_version": "code",
    "inputs_json": "inputs",
    "library_versions_json": "libraries",
    "host": "machine",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One partition on both sides; None where a side lacks it."""

    asset: str
    a: Row | None
    b: Row | None

    @property
    def label(self) -> str:
        """``asset/dataset/method``; where the sides differ in these, ``asset/dataset/a -> b``."""
        names = list(dict.fromkeys(label(row) for row in (self.a, self.b) if row is not None))
        if len(names) == 1:
            return names[0]
        a, b = (name.split("/") for name in names)
        shared = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
        return f"{names[0]} -> {'/'.join(b[shared:])}"

    @property
    def has_two_versions(self) -> bool:
        """Whether both sides have it, and not one and the same materialisation."""
        if self.a is None or self.b is None:
            return False
        return bool(self.a["materialization_id"] != self.b["materialization_id"])

    @property
    def differs_in(self) -> list[str]:
        """What differs, in words; empty unless both sides have it."""
        if self.a is None or self.b is None:
            return []
        return [WORDS[name] for name in COMPARED if _plain(self.a[name]) != _plain(self.b[name])]

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "asset": self.asset,
            "a": None if self.a is None else _row_json(self.a),
            "b": None if self.b is None else _row_json(self.b),
            "differs_in": self.differs_in,
        }


def find_pairs(a: Side, b: Side) -> list[Pair]:
    """The partitions of both sides, in data order.

    Two sides of one dataset each are compared although they differ in it; so are two versions of one asset although
    they are of different methods.
    """
    keys_a, keys_b = _keys(a, b), _keys(b, a)
    order = {name: place for place, name in enumerate(STAGES)}
    keys = sorted({*keys_a, *keys_b}, key=lambda key: (order.get(key[0], len(order)), key[1], key[2] or ""))
    return [Pair(asset=key[0], a=keys_a.get(key), b=keys_b.get(key)) for key in keys]


def _keys(side: Side, other: Side) -> dict[Partition, Row]:
    own_dataset, own_method = _stands_for(side, other)
    found = {}
    for (asset, dataset, method), row in side.rows.items():
        key = (
            asset,
            "" if dataset == own_dataset else dataset,
            "" if own_method and method == own_method else method,
        )
        found[key] = row
    return found


def _stands_for(side: Side, other: Side) -> tuple[str | None, str | None]:
    """Dataset and method of a side that stand for those of the other."""
    dataset = method = None
    if len(side.datasets) == len(other.datasets) == 1 and side.datasets != other.datasets:
        dataset = next(iter(side.datasets))
    if len(side.named) == len(other.named) == 1:
        mine, theirs = side.named[0], other.named[0]
        if mine["asset"] == theirs["asset"] and mine["method"] != theirs["method"]:
            method = mine["method"]
    return dataset, method


def _plain(value: Any) -> Any:
    """A ledger's value to compare by: numbers in JSON by value, whatever their form."""
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


def _row_json(row: Row) -> dict[str, Any]:
    names = (
        "materialization_id",
        "data_version",
        "code_version",
        "git_commit",
        "git_dirty",
        "host",
        "device",
    )
    return {
        "label": label(row),
        **{name: row[name] for name in names},
        "finished_at": row["at"].isoformat(timespec="seconds"),
        "dagster_run_id": row["dagster_run_id"],
        "mlflow_run_id": row["mlflow_run_id"],
    }
