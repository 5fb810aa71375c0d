"""Clips that came, went, changed their content or moved to another split, between two shard sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from assets.project.home import Home
from assets.shards.contents import read_contents
from pipelines.diff.pairs import Pair
from pipelines.lineage.ledger_graph import Row, label


def clip_changes(home: Home, pairs: Sequence[Pair], notes: list[str]) -> list[dict[str, Any]]:
    """The clips of each pair of shard sets; names are without the dataset where the sides differ in it.

    Args:
        notes: gets a sentence about shard sets whose clips are not on record.

    Returns:
        label, num_a, num_b, came, went (clip ids), changed (clip ids with other bytes), moved (clip id, split a and b).
    """
    found = []
    for pair in pairs:
        if pair.asset != "shards" or pair.a is None or pair.b is None:
            continue
        contents = [_contents(home, row, notes) for row in (pair.a, pair.b)]
        if contents[0] is None or contents[1] is None:
            continue
        same = pair.a["dataset"] == pair.b["dataset"]
        a, b = (
            {
                clip_name(row["clip_id"], keep_dataset=same): (row["raw_sha256"], row["split"])
                for row in table.to_pylist()
            }
            for table in contents
            if table is not None
        )
        shared = sorted(a.keys() & b.keys())
        found.append({
            "label": pair.label, "num_a": len(a), "num_b": len(b),
            "came": sorted(b.keys() - a.keys()), "went": sorted(a.keys() - b.keys()),
            "changed": [clip for clip in shared if a[clip][0] != b[clip][0]],
            "moved": [{"clip_id": clip, "a": a[clip][1], "b": b[clip][1]} for clip in shared if a[clip][1] != b[clip][1]],
        })  # fmt: skip
    return found


def clip_name(clip_id: str, *, keep_dataset: bool) -> str:
    """A clip's id, or the part of it behind the dataset."""
    return clip_id if keep_dataset else clip_id.partition("/")[2]


def _contents(home: Home, row: Row, notes: list[str]) -> pa.Table | None:
    contents = read_contents(home, row["dataset"], row["data_version"])
    if contents is None:
        notes.append(f"{label(row)}@{row['data_version'][:12]}: its list of clips is not on record")
    return contents
