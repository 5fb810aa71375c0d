"""A trace as a text tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.lineage.ledger_graph import MODEL_ASSETS
from pipelines.lineage.trace import VALUE, Trace

SHOWN_ROWS = 40
ORDER = (
    "source",
    "not_on_record",
    "materialization",
    "render",
    VALUE,
    "report",
    "clip",
    "raw_file",
    "shard",
)
Near = dict[str, list[str]]


def trace_text(trace: Trace, shown_rows: int = SHOWN_ROWS) -> str:
    """The trace as a tree; long lists are cut and end with the number of rows left out.

    An edge is left out where a longer path connects the same nodes; downwards, superseded materialisations are counted,
    not drawn. ``--json`` has everything.
    """
    drawn = {name for name in trace.nodes if trace.direction == "up" or _is_current(trace.nodes[name])}
    drawn.add(trace.root)
    lines = [*_tree(trace, _reduced(_near(trace, drawn))), ""]
    lines += _superseded(trace, drawn)
    lines += [f"note: {note}" for note in dict.fromkeys(trace.notes)]
    lines += _file_lines(trace, shown_rows)
    lines += _clip_lines(trace, shown_rows)
    return "\n".join(lines).rstrip()


def _is_current(node: dict[str, Any]) -> bool:
    return bool(node.get("current", True))


def _near(trace: Trace, drawn: set[str]) -> Near:
    """Children of each node, in the order in which they are drawn."""
    near: Near = {}
    for source, target in trace.edges:
        here, there = (target, source) if trace.direction == "up" else (source, target)
        if here in drawn and there in drawn:
            near.setdefault(here, []).append(there)
    for children in near.values():
        children.sort(key=lambda name: (ORDER.index(trace.nodes[name]["kind"]), trace.nodes[name]["label"]))
    return near


def _reduced(near: Near) -> Near:
    """Drops children that are also reached through another child."""
    below: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in below:
            below[name] = set()
            for child in near.get(name, []):
                below[name] |= {child} | reach(child)
        return below[name]

    kept = {}
    for name, children in near.items():
        indirect = set().union(*(reach(child) for child in children))
        kept[name] = [child for child in children if child not in indirect]
    return kept


def _tree(trace: Trace, near: Near) -> Iterator[str]:
    seen: set[str] = set()

    def walk(name: str, head: str, tail: str) -> Iterator[str]:
        again = name in seen and bool(near.get(name))
        seen.add(name)
        yield f"{head}{_line(trace.nodes[name])}{'  (as above)' if again else ''}"
        children = [] if again else near.get(name, [])
        for place, child in enumerate(children, start=1):
            end = place == len(children)
            yield from walk(child, f"{tail}{'└─ ' if end else '├─ '}", f"{tail}{'   ' if end else '│  '}")

    return walk(trace.root, "", "")


def _superseded(trace: Trace, drawn: set[str]) -> Iterator[str]:
    gone = [node for name, node in trace.nodes.items() if name not in drawn]
    if not gone:
        return
    yield f"superseded: {len(gone)} materialisations (--json has all), among them the models"
    for node in gone:
        if node["asset"] in MODEL_ASSETS:
            yield f"  {_line(node)}"


def _line(node: dict[str, Any]) -> str:
    kind = node["kind"]
    if kind == "materialization":
        return f"{node['label']}  {node['data_version'][:12]}  {_circumstances(node)}"
    if kind == "source":
        return f"{node['label']}  {node['data_version'][:12]}"
    if kind == "not_on_record":
        return f"{node['label']}  {node['data_version'][:12]}  (not on record)"
    if kind == VALUE and node.get("value") is not None:
        return (
            f"{node['label']} = {node['value']:.4g}  (mean of {node['num_clips']} clips, {node['protocol']})"
        )
    if kind == "clip" and node["why"]:
        return f"{node['label']}  ({node['why']})"
    return str(node["label"])


def _circumstances(node: dict[str, Any]) -> str:
    commit = (node["git_commit"] or "no git")[:9] + ("+edits" if node["git_dirty"] else "")
    words = [node["at"][:19], f"code {node['code_version'][:8]}", commit, f"{node['host']}/{node['device']}"]
    words += [node["registered_model"]] if node["registered_model"] else []
    words += [f"mlflow {node['mlflow_run_id'][:8]}"] if node["mlflow_run_id"] else []
    words += [f"imported from {node['imported_from']}" if node["imported_from"] else ""]
    words += ["" if node["current"] else "superseded"]
    words += [f"blocked by {node['blocked_by']}" if node["blocked_by"] else ""]
    return "  ".join(word for word in words if word)


def _file_lines(trace: Trace, shown_rows: int) -> Iterator[str]:
    """Files of video sets that other systems generated, and their reference videos."""
    for node in trace.nodes.values():
        files = node.get("files", [])
        if not files:
            continue
        yield f"{node['label']}: {len(files)} files"
        for file in files[:shown_rows]:
            yield f"  {file['path']}  sha256 {file['sha256']}"
        if len(files) > shown_rows:
            yield f"  ... and {len(files) - shown_rows} more (--json has all)"


def _clip_lines(trace: Trace, shown_rows: int) -> Iterator[str]:
    columns = ["clip_id", "dataset", "shard", "raw_path", "raw_sha256"]
    clips = trace.clips.group_by(columns, use_threads=False).aggregate([]).sort_by([("clip_id", "ascending")])
    if not clips.num_rows:
        return
    num_clips = len(set(clips["clip_id"].to_pylist()))
    yield f"clips: {num_clips}; raw files: {len(trace.raw_files())}; shards: {len(trace.shards())}"
    for row in clips.slice(0, shown_rows).to_pylist():
        raw = f"{row['raw_path']}  sha256 {row['raw_sha256']}"
        yield f"  {row['clip_id']}  {row['dataset']}/{row['shard']}  {raw}"
    if clips.num_rows > shown_rows:
        yield f"  ... and {clips.num_rows - shown_rows} more (--json has all)"
