"""Lineage in both directions: what something was computed from, and everything computed from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.graph import stage_names
from assets.project.home import Home
from assets.project.settings import Project
from assets.shards.contents import find_in_contents
from assets.store.table_parts import part_path, read_part
from pipelines.lineage.identifiers import Target, resolve
from pipelines.lineage.ledger_graph import Row, splits_read
from pipelines.lineage.trace import CLIPS_SCHEMA, VALUE, Trace, Tracer, as_clips
from pipelines.lineage.values import value_node, values_of

DATA_ASSETS = stage_names("data")


def trace(project: Project, identifier: str, *, down: bool = False) -> Trace:
    """Traces something to its origins, or to everything computed from it.

    Args:
        identifier: a clip id, shard, raw file (path or sha256), model, value, report or materialisation.
        down: to everything computed from it, instead of up to its origins.

    Raises:
        LineageError: the identifier matches nothing, or more than one thing.
    """
    tracer = Tracer(project.home)
    target = resolve(tracer, project, identifier)
    return descend(tracer, target, identifier) if down else ascend(tracer, target, identifier)


def ascend(tracer: Tracer, target: Target, identifier: str) -> Trace:
    """Everything that the target was computed from, down to raw files."""
    found = Trace(identifier=identifier, direction="up")
    if target.kind in ("materialization", VALUE):
        assert target.row is not None
        rows = [target.row] if target.value is None else list(target.value.rows)
        tracer.climb(found, rows)
        found.root = tracer.node_of(target.row)["id"]
        if target.value is not None:
            found.root = found.add(value_node(tracer.home, target.value))
            for row in rows:
                found.link(tracer.node_of(row)["id"], found.root)
        return found
    found.root = found.add(_root_node(tracer.home, target))
    held = _holding(tracer, target)
    if target.kind == "raw_file":
        found.notes.append("a raw file is where lineage begins; --down shows what was computed from it")
        for _, clips in held:
            found.add_clips(clips)
        return found
    for row, clips in {row["dataset"]: (row, clips) for row, clips in held}.values():
        tracer.climb(found, [row], clips)
        found.link(tracer.node_of(row)["id"], found.root)
        if not tracer.graph.is_current(row):
            found.notes.append(f"{target.text} is in no current shard; this is the last set that held it")
    if not held and target.kind == "clip":
        _climb_to_rejection(tracer, found, target)
    return found


def _climb_to_rejection(tracer: Tracer, found: Trace, target: Target) -> None:
    """Traces a clip that no shard set on record holds up from the stage that rejected it."""
    stage, why = _rejection(tracer.home, target.dataset, target.clip_id)
    found.notes.append(f"{target.clip_id} is in no shard: {why}")
    row = tracer.graph.heads.get((stage, target.dataset, None))
    if row is not None:
        tracer.climb(found, [row], CLIPS_SCHEMA.empty_table())
        found.link(tracer.node_of(row)["id"], found.root)


def descend(tracer: Tracer, target: Target, identifier: str) -> Trace:
    """Everything computed from the target."""
    found = Trace(identifier=identifier, direction="down")
    if target.kind in ("materialization", VALUE):
        assert target.row is not None
        rows = [target.row] if target.value is None else list(target.value.rows)
        found.root = found.add(tracer.node_of(target.row))
        _spread(tracer, found, [(row, None) for row in rows])
    else:
        held = _holding(tracer, target)
        found.root = found.add(_root_node(tracer.home, target))
        for row, clips in held:
            _link_below(tracer, found, row)
            found.add_clips(clips)
        _spread(tracer, found, [(row, set(clips["split"].to_pylist())) for row, clips in held])
        if not held:
            found.notes.append(f"nothing was computed from it: no shard set on record holds {target.text}")
    for row_id in [name for name in found.nodes if name.startswith("materialization:")]:
        _add_products(tracer, found, tracer.graph.by_id[row_id.removeprefix("materialization:")])
    return found


def _link_below(tracer: Tracer, found: Trace, shards_row: Row) -> None:
    """Links the root to the data stages upstream of a shard set."""
    above = Trace(identifier="", direction="up")
    tracer.climb(above, [shards_row], CLIPS_SCHEMA.empty_table())
    for node in above.nodes.values():
        if node["kind"] == "materialization" and node["asset"] in DATA_ASSETS:
            found.add(node)
    for source, end in above.edges:
        if source in found.nodes and end in found.nodes:
            found.link(source, end)
    for node in above.nodes.values():
        if node["kind"] == "materialization" and node["asset"] == "clips":
            found.link(found.root, node["id"])


def _spread(tracer: Tracer, found: Trace, start: Iterable[tuple[Row, set[str] | None]]) -> None:
    """Adds the readers of rows and theirs; of a shard set only those that read one of the given splits."""
    consumers = tracer.graph.consumers()
    waiting = list(start)
    seen: set[str] = set()
    while waiting:
        row, splits = waiting.pop()
        if row["materialization_id"] in seen:
            continue
        seen.add(row["materialization_id"])
        source = found.add(tracer.node_of(row))
        for reader in consumers.get(row["materialization_id"], []):
            own = reader["dataset"] == row["dataset"]
            if splits is not None and not splits.intersection(splits_read(reader["asset"], own=own)):
                continue
            found.link(source, found.add(tracer.node_of(reader)))
            waiting.append((reader, None))


def _add_products(tracer: Tracer, found: Trace, row: Row) -> None:
    """Adds the videos of the clips, the values and the report page that a current materialisation produced."""
    if not tracer.graph.is_current(row):
        return
    row_id = f"materialization:{row['materialization_id']}"
    for node in _products(tracer.home, row, found.clips["clip_id"]):
        found.link(row_id, found.add(node))


def _products(home: Home, row: Row, clip_ids: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    dataset, method = row["dataset"], row["method"]
    if row["asset"] == "renders":
        for video in rendered_videos(home, dataset, method, clip_ids):
            path = (home.renders(dataset, method) / video["path"]).relative_to(home.root).as_posix()
            yield {"id": f"render:{path}", "kind": "render", "label": path, "dataset": dataset, **video}
    for value in values_of(home, row):
        yield value_node(home, value)
    if row["asset"] == "metric_report":
        page = home.report(dataset).relative_to(home.root).as_posix()
        yield {"id": f"report:{dataset}", "kind": "report", "label": page, "dataset": dataset}


def rendered_videos(home: Home, dataset: str, method: str, clip_ids: pa.ChunkedArray) -> list[dict[str, Any]]:
    """Rendered videos with the frames or the audio of one of the clips."""
    path = part_path(home, "render_clips", dataset, method)
    if not path.exists():
        return []
    columns = ["audio", "clip_id", "audio_clip_id", "path", "sha256", "status"]
    table = pq.read_table(path, columns=columns, partitioning=None)
    shown = pc.is_in(table["clip_id"], value_set=clip_ids.combine_chunks())
    audible = pc.is_in(table["audio_clip_id"], value_set=clip_ids.combine_chunks())
    rows = table.filter(pc.and_(pc.or_(shown, audible), pc.is_valid(table["path"]))).to_pylist()
    return [{"method": method, **row} for row in rows if row.pop("status") in (None, "ok")]


def _holding(tracer: Tracer, target: Target) -> list[tuple[Row, pa.Table]]:
    """Materialisations of shards with the target (a clip, a raw file's clips or a shard), oldest first, and the clips."""
    column, value = {
        "clip": ("clip_id", target.clip_id),
        "raw_file": ("raw_sha256", target.sha256),
        "shard": ("shard_sha256", target.sha256),
    }[target.kind]
    held = []
    for dataset, version, table in find_in_contents(tracer.home, column, [value]):
        clips = as_clips(table, dataset, version)
        held += [(row, clips) for row in tracer.graph.with_content(("shards", dataset, None), version)]
    return sorted(held, key=lambda pair: pair[0]["at"])


def _root_node(home: Home, target: Target) -> dict[str, Any]:
    if target.kind == "shard":
        fields = {"dataset": target.dataset, "path": target.shard, "sha256": target.sha256}
        return {"id": f"shard:{target.sha256}", "kind": "shard", "label": target.text, **fields}
    if target.kind == "clip":
        stage, why = _rejection(home, target.dataset, target.clip_id)
        node = {
            "id": f"clip:{target.clip_id}",
            "kind": "clip",
            "label": target.clip_id,
            "dataset": target.dataset,
        }
        return node | {"rejected_by": stage or None, "why": why or None}
    places = raw_places(home, target.sha256)
    shown = (
        ", ".join(f"{place['dataset']}/{place['path']}" for place in places[:3]) or "no dataset holds it now"
    )
    node = {"id": f"raw_file:{target.sha256}", "kind": "raw_file", "label": f"{target.sha256} ({shown})"}
    return node | {"sha256": target.sha256, "places": places}


def raw_places(home: Home, sha256: str) -> list[dict[str, str]]:
    """Dataset and path of each copy of a content, as of the last scan."""
    places = set()
    for name in ("raw_files", "clip_inventory"):
        for path in sorted((home.parts / name).glob("*.parquet")):
            table = pq.read_table(path, columns=["dataset", "path", "sha256"], partitioning=None)
            for row in table.filter(pc.equal(table["sha256"], sha256)).to_pylist():
                places.add((row["dataset"], row["path"]))
    return [{"dataset": dataset, "path": path} for dataset, path in sorted(places)]


def _rejection(home: Home, dataset: str, clip_id: str) -> tuple[str, str]:
    """The stage that rejected a clip and why; two empty strings if none did."""
    tables = [(part_path(home, "clip_inventory", dataset), "clips")]
    tables += [(part_path(home, "clip_outcomes", dataset, stage), stage) for stage in DATA_ASSETS[1:]]
    for path, stage in tables:
        if not path.exists():
            continue
        # reason and detail are missing where the stage rejected nothing, in the parts of an earlier version
        table = read_part(path, ["clip_id", "status", "reason", "detail"])
        for row in table.filter(pc.equal(table["clip_id"], clip_id)).to_pylist():
            if row["status"] != "ok":
                return stage, f"{stage} rejected it: {row.get('reason')}: {row.get('detail')}"
    return "", ""
