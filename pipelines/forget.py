"""``cals forget``: withdraws a content. Later runs leave it out; everything computed from it is listed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.home import Home
from assets.project.settings import Project
from assets.shards.contents import find_in_contents
from assets.store.recorded_commands import record_written
from assets.store.warehouse import publish
from assets.store.withdrawals import TABLE, forgotten_hashes, record_withdrawal
from pipelines.lineage.identifiers import Target, resolve
from pipelines.lineage.ledger_graph import MODEL_ASSETS, Row
from pipelines.lineage.questions import descend, raw_places
from pipelines.lineage.trace import VALUE, LineageError, Trace, Tracer
from pipelines.model_registry import open_registry, registered_versions_of

TAG = "cals.forgotten"
MOST_TAG_CHARACTERS = 5000


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """Result of a withdrawal.

    Args:
        records: recorded rows, one a content hash.
        traces: what was computed from each content.
        marked: model versions that carry the mark, ``name/version``.
        notes: sentences about what could not be done, and why.
    """

    records: list[dict[str, Any]]
    traces: list[Trace]
    marked: list[str]
    notes: list[str]

    def clips(self) -> list[str]:
        return sorted({clip for trace in self.traces for clip in trace.clips["clip_id"].to_pylist()})

    def shards(self) -> list[dict[str, Any]]:
        return [shard for trace in self.traces for shard in trace.shards()]

    def nodes(self, *kinds: str) -> list[dict[str, Any]]:
        """Nodes of some kinds that were computed from it, by label; for models use ``models``."""
        found = {
            node["id"]: node
            for trace in self.traces
            for node in trace.nodes.values()
            if node["kind"] in kinds
        }
        return sorted(found.values(), key=lambda node: str(node["label"]))

    def models(self) -> list[dict[str, Any]]:
        return [node for node in self.nodes("materialization") if node["asset"] in MODEL_ASSETS]

    def as_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "records": [row | {"at": row["at"].isoformat(timespec="seconds")} for row in self.records],
            "clips": self.clips(),
            "shards": self.shards(),
            "models": self.models(),
            "renders": self.nodes("render"),
            "figures": self.nodes(VALUE),
            "reports": self.nodes("report"),
            "marked": self.marked,
            "notes": self.notes,
        }

    def text(self) -> str:
        lines = []
        for row in self.records:
            lines.append(
                f"forgotten: sha256 {row['sha256']} ({row['asked_for']}); {row['reason']}; {row['who']}"
            )
        lines += [f"  left out from now on: {clip}" for clip in self.clips()]
        lines += ["seen by:"]
        for shard in self.shards():
            lines.append(f"  shard   {shard['dataset']}/{shard['path']}  sha256 {shard['sha256'][:12]}")
        for node in self.models():
            state = "current" if node["current"] else "superseded"
            registered = f"  {node['registered_model']}" if node["registered_model"] else ""
            lines.append(f"  model   {node['label']}  {node['data_version'][:12]}{registered}  ({state})")
        for kind, word in (("render", "video"), (VALUE, "value"), ("report", "report")):
            lines += [f"  {word:<7} {node['label']}" for node in self.nodes(kind)]
        if lines[-1] == "seen by:":
            lines[-1] = "seen by: nothing that is on record"
        lines += [f"marked in the registry: {', '.join(self.marked)}"] if self.marked else []
        lines += [f"note: {note}" for note in self.notes]
        lines.append(
            "next: `cals run` computes all of it again without the content; then `cals gc --yes` removes what is left"
        )
        return "\n".join(lines)


def forget(project: Project, identifier: str, reason: str) -> Withdrawal:
    """Withdraws a clip or a raw file, with every copy of its content; the raw file is not touched.

    A clip cut from a long video withdraws the whole video, and with it the clips cut beside it.

    Raises:
        LineageError: no such clip or file, or no reason.
    """
    if not reason.strip():
        raise LineageError("a withdrawal stays on record with its reason; give --reason TEXT")
    tracer = Tracer(project.home)
    hashes = _contents_named(tracer, project, identifier)
    records, traces = [], []
    for sha256 in hashes:
        places = raw_places(project.home, sha256)
        records.append(
            record_withdrawal(
                project.home, sha256, identifier=identifier, reason=reason.strip(), places=places
            )
        )
        written = (project.home.parts / TABLE).glob(f"{sha256[:16]}-*.parquet")
        record_written(project.home, "forget", *written)
        traces.append(descend(tracer, Target(kind="raw_file", text=sha256, sha256=sha256), identifier))
    marked, notes = mark_models(project, {sha256: reason.strip() for sha256 in hashes})
    if project.home.database.exists():
        publish(project.home)
    return Withdrawal(records=records, traces=traces, marked=marked, notes=notes)


def _contents_named(tracer: Tracer, project: Project, identifier: str) -> list[str]:
    """Content hashes behind an identifier; a file or a full hash need not be known to any run."""
    if re.fullmatch(r"[0-9a-f]{64}", identifier):
        return [identifier]
    if Path(identifier).is_file():
        with Path(identifier).open("rb") as file:
            return [hashlib.file_digest(file, "sha256").hexdigest()]
    return _contents_of(project.home, resolve(tracer, project, identifier))


def _contents_of(home: Home, target: Target) -> list[str]:
    """Hashes of all contents that a clip ever had, or of the one file."""
    if target.kind == "raw_file":
        return [target.sha256]
    if target.kind != "clip":
        raise LineageError(
            f"{target.text} is a {target.kind}; forget takes a clip id or a raw file's path or sha256"
        )
    found = set()
    for _, _, table in find_in_contents(home, "clip_id", [target.clip_id]):
        found |= set(table["raw_sha256"].to_pylist())
    path = home.parts / "clip_inventory" / f"{target.dataset}.parquet"
    if path.exists():
        inventory = pq.read_table(path, columns=["clip_id", "sha256"], partitioning=None)
        found |= set(inventory.filter(pc.equal(inventory["clip_id"], target.clip_id))["sha256"].to_pylist())
    if not found - {None}:
        raise LineageError(
            f"{target.clip_id}: its file could never be read, so there is no content to withdraw"
        )
    return sorted(found - {None})


def models_trained_on(tracer: Tracer, sha256: str) -> set[str]:
    """Hashes of the weights of every model that was trained on a content."""
    trace = descend(tracer, Target(kind="raw_file", text=sha256, sha256=sha256), sha256)
    rows = [
        tracer.graph.by_id[node["materialization_id"]]
        for node in trace.nodes.values()
        if node["kind"] == "materialization" and node["asset"] in MODEL_ASSETS and node["mlflow_run_id"]
    ]
    return {row["data_version"] for row in rows if not is_taken_over(row)}


def is_taken_over(row: Row) -> bool:
    """Whether a model is its base's, unchanged: it was not trained on the clips of the dataset that took it."""
    inputs = json.loads(row["inputs_json"] or "{}")
    return any(
        name.startswith(f"{row['asset']}@") and version == row["data_version"]
        for name, version in inputs.items()
    )


def mark_models(project: Project, forgotten: dict[str, str] | None = None) -> tuple[list[str], list[str]]:
    """Marks in MLflow's registry the models that were trained on a forgotten content; existing marks stay.

    Args:
        forgotten: sha256 -> reason; None for all recorded withdrawals.

    Returns:
        The versions that carry the mark (``name/version``), and notes about what could not be marked.
    """
    tracer = Tracer(project.home)
    seen: dict[str, list[str]] = {}
    for sha256, reason in (forgotten_hashes(project.home) if forgotten is None else forgotten).items():
        for weights in models_trained_on(tracer, sha256):
            seen.setdefault(weights, []).append(f"{sha256[:16]}: {reason}")
    if not seen:
        return [], []
    client = open_registry(project)
    marked, found = [], set()
    for version in registered_versions_of(client) if client else ():
        assert client is not None
        marks = seen.get(version.tags.get("weights_sha256", ""))
        if marks is None:
            continue
        found.add(version.tags["weights_sha256"])
        value = _with_marks(version.tags.get(TAG, ""), marks)
        if value != version.tags.get(TAG):
            client.set_model_version_tag(version.name, version.version, TAG, value)
        marked.append(f"{version.name}/{version.version}")
    notes = [
        f"model {weights[:12]} was trained on it, but is not in MLflow's registry"
        for weights in sorted(seen.keys() - found)
    ]
    return sorted(marked), notes


def _with_marks(there: str, marks: Iterable[str]) -> str:
    lines = dict.fromkeys([*there.splitlines(), *marks])
    return "\n".join(lines)[:MOST_TAG_CHARACTERS]
