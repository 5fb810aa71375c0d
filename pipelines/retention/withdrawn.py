"""What earlier runs still keep of contents that were forgotten, once nothing current needs it.

A forgotten clip leaves shards, buckets and renders when they are made anew. What stays behind is history:
sample pictures of trainings, previews in Dagster's event log, kept landmarks. It goes here, for good.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from assets.project.settings import Project
from assets.store.withdrawals import forgotten_hashes, withdrawals
from pipelines.lineage.identifiers import Target
from pipelines.lineage.ledger_graph import MODEL_ASSETS, LedgerGraph, Row, label
from pipelines.lineage.questions import descend
from pipelines.lineage.registered_models import model_folders
from pipelines.lineage.trace import Tracer
from pipelines.retention.removal import Removal, of_path

KEPT_PICTURES = ("pictures", "landmarks")


def find_withdrawn(project: Project, graph: LedgerGraph) -> tuple[list[Removal], list[str]]:
    """What can go, and notes of what is in the way."""
    hashes = forgotten_hashes(project.home)
    if not hashes:
        return [], []
    touched = _touched(project, hashes)
    current = sorted({label(row) for row in touched if graph.is_current(row)})
    notes = []
    if current:
        shown = ", ".join(current[:4]) + (f" and {len(current) - 4} more" if len(current) > 4 else "")
        notes.append(
            f"still made with forgotten contents: {shown}; `cals run` makes them anew, then run this again"
        )
    old = [row for row in touched if not graph.is_current(row)]
    removals = [*_old_trainings(project, old), *_old_previews(project, graph, old)]
    for dataset in sorted({row["dataset"] for row in touched} | _named_datasets(project)):
        if not any(row["dataset"] == dataset and graph.is_current(row) for row in touched):
            removals += _kept_before(project, dataset)
    return removals, notes


def _named_datasets(project: Project) -> set[str]:
    """Datasets in which a forgotten content lay, whether or not it came as far as a shard."""
    return {
        str(place["dataset"]) for row in withdrawals(project.home) for place in json.loads(row["places_json"])
    }


def _touched(project: Project, hashes: dict[str, str]) -> list[Row]:
    """Materialisations that a forgotten content went into, or that read them."""
    tracer = Tracer(project.home)
    found: dict[str, Row] = {}
    for sha256 in hashes:
        trace = descend(tracer, Target(kind="raw_file", text=sha256, sha256=sha256), sha256)
        for name, node in trace.nodes.items():
            if node["kind"] == "materialization":
                found[name] = tracer.graph.by_id[node["materialization_id"]]
    return list(found.values())


def _old_trainings(project: Project, old: list[Row]) -> Iterator[Removal]:
    """Sample pictures and checkpoints of trainings that saw it; registered weights stay, marked in the registry."""
    weights = {
        row["data_version"]: row for row in old if row["asset"] in MODEL_ASSETS and row["mlflow_run_id"]
    }
    for model in model_folders(project.home):
        if model.weights_sha256 in weights and not model.is_current:
            for name in ("samples", "checkpoint.pt"):
                if (model.path / name).exists():
                    why = f"{model.label} saw a forgotten content and was trained anew since"
                    yield of_path(project, model.path / name, "forgotten", why)
    for row in weights.values():
        for samples in (project.home.mlflow / "artifacts" / row["mlflow_run_id"]).glob("artifacts/samples"):
            why = f"pictures of an earlier {label(row)}, which saw a forgotten content"
            yield of_path(project, samples, "forgotten", why)


def _old_previews(project: Project, graph: LedgerGraph, old: list[Row]) -> Iterator[Removal]:
    """Dagster runs whose events hold pictures of it; the ledger keeps the facts."""
    needed = {row["dagster_run_id"] for row in graph.heads.values()}
    runs = {row["dagster_run_id"]: label(row) for row in old if row["dagster_run_id"] not in needed}
    databases = project.home.dagster / "history" / "runs"
    for run_id, what in sorted(runs.items()):
        if (databases / f"{run_id}.db").exists():
            yield Removal(
                kind="forgotten",
                name=f"dagster run {run_id}",
                why=f"previews of an earlier {what}, which held a forgotten content",
                num_bytes=(databases / f"{run_id}.db").stat().st_size,
                act=partial(delete_run, project, run_id),
            )


def delete_run(project: Project, run_id: str) -> None:
    """Deletes a run's events, and the pages of the databases in which they lay."""
    from pipelines.instance import open_instance

    with open_instance(project) as instance:
        instance.delete_run(run_id)
    folder = project.home.dagster / "history"
    (folder / "runs" / f"{run_id}.db").unlink(missing_ok=True)
    for path in (folder / "runs" / "index.db", folder / "runs.db"):
        if path.exists():
            with closing(sqlite3.connect(path, timeout=30.0)) as database:
                database.execute("vacuum")
                database.execute("pragma wal_checkpoint(truncate)")


def _kept_before(project: Project, dataset: str) -> Iterator[Removal]:
    """Previews and kept landmarks that are older than the last withdrawal: which clip they show is not told."""
    last = max(row["at"] for row in withdrawals(project.home)).timestamp()
    for stage in sorted((project.home.root / "stages").glob(f"*/{dataset}")):
        for path in sorted(path for name in KEPT_PICTURES for path in stage.rglob(f"{name}/*")):
            if path.is_file() and path.stat().st_mtime < last:
                why = "kept before a content of this dataset was forgotten; made anew where it is needed"
                yield of_path(project, path, "forgotten", why)


def made_with(project: Project, sha256: str) -> list[Path]:
    """Shards and videos in which a content stands today: empty once all is made anew."""
    trace = descend(Tracer(project.home), Target(kind="raw_file", text=sha256, sha256=sha256), sha256)
    paths = [project.home.root / node["label"] for node in trace.nodes.values() if node["kind"] == "render"]
    shards = {
        (node["dataset"], node["data_version"]) for node in trace.nodes.values() if _is_current_shards(node)
    }
    for row in trace.clips.to_pylist():
        if (row["dataset"], row["shards_version"]) in shards:
            paths.append(project.home.shards(row["dataset"]) / row["shard"])
    return sorted(set(paths))


def _is_current_shards(node: dict[str, object]) -> bool:
    return node["kind"] == "materialization" and node["asset"] == "shards" and bool(node["current"])
