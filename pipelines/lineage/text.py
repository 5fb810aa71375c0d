"""A trace as a tree to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.lineage.trace import Trace

SHOWN_ROWS = 40
ORDER = (
    "source",
    "not_on_record",
    "materialization",
    "render",
    "figure",
    "report",
    "clip",
    "raw_file",
    "shard",
)


def trace_text(trace: Trace, shown_rows: int = SHOWN_ROWS) -> str:
    """The trace, most important first; long lists are cut and say how much they leave out."""
    lines = [*_tree(trace), ""]
    lines += [f"note: {note}" for note in dict.fromkeys(trace.notes)]
    lines += _clip_lines(trace, shown_rows)
    return "\n".join(lines).rstrip()


def _tree(trace: Trace) -> Iterator[str]:
    near: dict[str, list[str]] = {}
    for source, target in trace.edges:
        here, there = (target, source) if trace.direction == "up" else (source, target)
        near.setdefault(here, []).append(there)
    for children in near.values():
        children.sort(key=lambda name: (ORDER.index(trace.nodes[name]["kind"]), trace.nodes[name]["label"]))
    seen: set[str] = set()

    def walk(name: str, head: str, tail: str) -> Iterator[str]:
        again = name in seen and bool(near.get(name))
        seen.add(name)
        yield f"{head}{_line(trace.nodes[name])}{'  (as above)' if again else ''}"
        if again:
            return
        children = near.get(name, [])
        for place, child in enumerate(children):
            last = place == len(children) - 1
            yield from walk(child, f"{tail}{'└─ ' if last else '├─ '}", f"{tail}{'   ' if last else '│  '}")

    return walk(trace.root, "", "")


def _line(node: dict[str, Any]) -> str:
    kind = node["kind"]
    if kind == "materialization":
        return f"{node['label']}  {node['data_version'][:12]}  {_circumstances(node)}"
    if kind == "source":
        return f"{node['label']}  {node['data_version'][:12]}"
    if kind == "not_on_record":
        return f"{node['label']}  {node['data_version'][:12]}  (not on record)"
    if kind == "figure" and node.get("value") is not None:
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
    words += [
        "" if node["current"] else "superseded",
        f"blocked by {node['blocked_by']}" if node["blocked_by"] else "",
    ]
    return "  ".join(word for word in words if word)


def _clip_lines(trace: Trace, shown_rows: int) -> Iterator[str]:
    clips = trace.clips.sort_by([("clip_id", "ascending")])
    if not clips.num_rows:
        return
    num_clips, num_raw, num_shards = (
        len(set(clips["clip_id"].to_pylist())),
        len(trace.raw_files()),
        len(trace.shards()),
    )
    yield f"{num_clips} clips of {num_raw} raw files in {num_shards} shards"
    for row in clips.slice(0, shown_rows).to_pylist():
        raw = f"{row['raw_path']}  sha256 {row['raw_sha256']}"
        yield f"  {row['clip_id']}  {row['dataset']}/{row['shard']}  {raw}"
    if clips.num_rows > shown_rows:
        yield f"  ... and {clips.num_rows - shown_rows} more (--json has all)"
