"""A trace: materialisations, their inputs or their readers, and the clips behind them.

Read from Parquet files alone (ledger, contents of shard sets, parts): fast, possible while a pipeline runs, and on a copy
of the home without its databases.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.external_renders.video_set import GENERATED, REFERENCE, recall_videos
from assets.project.home import Home
from assets.shards.contents import SCHEMA as CONTENTS_SCHEMA
from assets.shards.contents import read_contents, write_missing_contents
from pipelines.lineage.ledger_graph import (
    LedgerGraph,
    Row,
    input_partition,
    is_observed,
    label,
    splits_read,
)
from pipelines.lineage.registered_models import registered_versions

FORMAT = 1
VALUE = "figure"  # kind of a node: a value of a table; the name is part of the JSON format
CLIPS_SCHEMA = pa.schema(
    [pa.field("dataset", pa.string()), pa.field("shards_version", pa.string()), *CONTENTS_SCHEMA]
)


class LineageError(ValueError):
    """A name matches nothing, or more than one thing; the message says what would be right."""


@dataclass(kw_only=True)
class Trace:
    """Answer to one request.

    Args:
        identifier: as it was given.
        direction: ``up`` to what it was computed from, or ``down`` to what was computed from it.
        root: id of the requested node.
        nodes: by id; each has id, kind and label.
        edges: (input, reader), in the direction of data.
        clips: one row a clip (``CLIPS_SCHEMA``).
        notes: sentences about what is not on record or was left out.
    """

    identifier: str
    direction: str
    root: str = ""
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    clips: pa.Table = field(default_factory=lambda: CLIPS_SCHEMA.empty_table())
    notes: list[str] = field(default_factory=list)

    def add(self, node: dict[str, Any]) -> str:
        """Adds a node unless it is there; returns its id."""
        return str(self.nodes.setdefault(node["id"], node)["id"])

    def link(self, source: str, target: str) -> None:
        """``target`` read ``source``."""
        self.edges[(source, target)] = None

    def add_clips(self, clips: pa.Table) -> None:
        """Adds clips; duplicates are dropped."""
        merged = pa.concat_tables([self.clips, clips.select(CLIPS_SCHEMA.names)])
        self.clips = merged.group_by(CLIPS_SCHEMA.names, use_threads=False).aggregate([])

    def raw_files(self) -> list[dict[str, Any]]:
        """Raw files behind the clips: dataset, path, sha256, num_clips."""
        columns = ["dataset", "raw_path", "raw_sha256"]
        grouped = self.clips.group_by(columns, use_threads=False).aggregate([("clip_id", "count_distinct")])
        grouped = grouped.rename_columns(["dataset", "path", "sha256", "num_clips"])
        return list(grouped.sort_by([("dataset", "ascending"), ("path", "ascending")]).to_pylist())

    def shards(self) -> list[dict[str, Any]]:
        """Shards that hold the clips: dataset, shards_version, split, path, sha256, num_clips."""
        columns = ["dataset", "shards_version", "split", "shard", "shard_sha256"]
        grouped = self.clips.group_by(columns, use_threads=False).aggregate([("clip_id", "count")])
        grouped = grouped.rename_columns(
            ["dataset", "shards_version", "split", "path", "sha256", "num_clips"]
        )
        order = [("dataset", "ascending"), ("path", "ascending"), ("shards_version", "ascending")]
        return list(grouped.filter(pc.field("sha256").is_valid()).sort_by(order).to_pylist())

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "identifier": self.identifier,
            "direction": self.direction,
            "root": self.root,
            "nodes": list(self.nodes.values()),
            "edges": [{"from": source, "to": target} for source, target in self.edges],
            "shards": self.shards(),
            "clips": self.clips.sort_by([("clip_id", "ascending")]).to_pylist(),
            "raw_files": self.raw_files(),
            "notes": self.notes,
        }


class Tracer:
    """Walks the ledger of one home.

    Args:
        home: holds the ledger.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        write_missing_contents(home)
        self.graph = LedgerGraph.read(home)
        self.registered = registered_versions(home)

    def node_of(self, row: Row) -> dict[str, Any]:
        """A ledger row as a node of a trace."""
        registered = self.registered.get(row["data_version"])
        return {
            "id": f"materialization:{row['materialization_id']}",
            "kind": "materialization",
            "label": label(row),
            "materialization_id": row["materialization_id"],
            "asset": row["asset"],
            "dataset": row["dataset"],
            "method": row["method"],
            "current": self.graph.is_current(row),
            "at": row["at"].isoformat(timespec="seconds"),
            "data_version": row["data_version"],
            "code_version": row["code_version"],
            "settings": json.loads(row["settings_json"] or "{}"),
            "library_versions": json.loads(row["library_versions_json"] or "{}"),
            "git_commit": row["git_commit"],
            "git_dirty": row["git_dirty"],
            "host": row["host"],
            "device": row["device"],
            "duration_s": row["duration_s"],
            "num_clips": row["num_clips"],
            "counts": json.loads(row["counts_json"] or "{}"),
            "blocked_by": row["blocked_by"],
            "imported_from": row["imported_from"],
            "dagster_run_id": row["dagster_run_id"],
            "mlflow_run_id": row["mlflow_run_id"],
            "registered_model": registered,
        }

    def climb(self, trace: Trace, rows: Iterable[Row], clips_of: pa.Table | None = None) -> None:
        """Adds rows and everything that they were computed from, down to clips and raw files.

        Args:
            clips_of: the clips to show; None for all that the rows and their inputs read.
        """
        waiting = list(rows)
        wanted: dict[str, tuple[Row, set[str]]] = {}
        for row in waiting:
            if row["asset"] == "shards":
                wanted[row["materialization_id"]] = (row, set(splits_read("")))
        seen: set[str] = set()
        while waiting:
            row = waiting.pop()
            if row["materialization_id"] in seen:
                continue
            seen.add(row["materialization_id"])
            target = trace.add(self.node_of(row))
            for read in self.graph.inputs(row):
                if read.producer is None:
                    trace.link(trace.add(self._leaf(trace, row, read.name, read.data_version)), target)
                    continue
                trace.link(trace.add(self.node_of(read.producer)), target)
                waiting.append(read.producer)
                if read.producer["asset"] == "shards":
                    _, splits = wanted.setdefault(read.producer["materialization_id"], (read.producer, set()))
                    own = read.producer["dataset"] == row["dataset"]
                    splits.update(splits_read(row["asset"], own=own))
        if clips_of is not None:
            trace.add_clips(clips_of)
            return
        for row, splits in wanted.values():
            trace.add_clips(self.clips_in(trace, row, splits))

    def _leaf(self, trace: Trace, row: Row, name: str, version: str) -> dict[str, Any]:
        """Node of a source, or of an input that no row on record produced."""
        asset, dataset, method = input_partition(name, row["dataset"])
        read = f"{asset}|{method}" if method else asset
        is_source = is_observed(name)
        if not is_source:
            trace.notes.append(
                f"{label(row)}: its input {name} {version[:12]} is not on record in the ledger"
            )
        node: dict[str, Any] = {
            "id": f"{'source' if is_source else 'not_on_record'}:{dataset}/{read}@{version}",
            "kind": "source" if is_source else "not_on_record",
            "label": f"{read}/{dataset}" if not name.startswith(("settings/", "code/")) else name,
            "name": name,
            "dataset": dataset,
            "data_version": version,
        }
        if name in (GENERATED, REFERENCE):
            node["files"] = recall_videos(self.home, row["dataset"], row["method"], row["data_version"], name)
        return node

    def clips_in(self, trace: Trace, row: Row, splits: Iterable[str]) -> pa.Table:
        """Clips of a materialisation of shards, of some splits (``CLIPS_SCHEMA``)."""
        contents = read_contents(self.home, row["dataset"], row["data_version"])
        if contents is None:
            trace.notes.append(
                f"{label(row)} {row['data_version'][:12]}: its list of clips is not on record "
                f"({self.home.warehouse / 'contents'})"
            )
            return CLIPS_SCHEMA.empty_table()
        chosen = contents.filter(pc.is_in(contents["split"], value_set=pa.array(sorted(splits))))
        return as_clips(chosen, row["dataset"], row["data_version"])


def as_clips(contents: pa.Table, dataset: str, version: str) -> pa.Table:
    """A shard set's contents as rows of ``CLIPS_SCHEMA``."""
    count = contents.num_rows
    table = contents.append_column("dataset", pa.array([dataset] * count, pa.string()))
    table = table.append_column("shards_version", pa.array([version] * count, pa.string()))
    return table.select(CLIPS_SCHEMA.names).cast(CLIPS_SCHEMA)
