"""Remains of forgotten contents from earlier runs, removed once nothing current needs them.

The next run leaves a forgotten clip out of shards, buckets and renders. Sample images of trainings, previews in Dagster's
event log and cached landmarks remain from earlier runs; they are removed here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial

from assets.project.settings import Project
from assets.store.file_digests import sha256_of
from assets.store.withdrawals import forgotten_hashes, withdrawals
from pipelines.adapt import FOLDER as ADAPTED
from pipelines.lineage.identifiers import Target
from pipelines.lineage.ledger_graph import MODEL_ASSETS, LedgerGraph, Row, label
from pipelines.lineage.questions import descend
from pipelines.lineage.registered_models import model_folders
from pipelines.lineage.trace import Tracer
from pipelines.retention.kept_versions import find_forgotten_rows
from pipelines.retention.removal import Removal, of_path

IMAGE_FOLDERS = ("pictures", "landmarks")


def find_withdrawn(project: Project, graph: LedgerGraph) -> tuple[list[Removal], list[str]]:
    """Removals, and notes about what must be done before more can be removed."""
    hashes = forgotten_hashes(project.home)
    if not hashes:
        return [], []
    touched = _touched(project, hashes)
    present = [row for row in touched if graph.is_current(row) and row["dataset"] in project.datasets]
    emptied = sorted({row["dataset"] for row in present if _has_no_clip_left(graph, row["dataset"])})
    current = sorted({label(row) for row in present if row["dataset"] not in emptied})
    notes = [
        f"{dataset}: no clip is left, so that nothing of it can be computed again; take it out of "
        f"{project.config_path.name}, then this removes what was computed from forgotten contents"
        for dataset in emptied
    ]
    if current:
        shown = ", ".join(current[:4]) + (f" and {len(current) - 4} more" if len(current) > 4 else "")
        notes.append(f"still computed from forgotten contents: {shown}; run `cals run`, then this again")
    old = [row for row in touched if not graph.is_current(row)]
    removals = [
        *_old_trainings(project, old),
        *_old_previews(project, graph, old),
        *find_forgotten_rows(project, hashes),
        *_adapted_copies(project, hashes),
    ]
    for dataset in sorted({row["dataset"] for row in touched} | _named_datasets(project)):
        if not any(row["dataset"] == dataset and graph.is_current(row) for row in touched):
            removals += _kept_before(project, dataset)
    return removals, notes


def _has_no_clip_left(graph: LedgerGraph, dataset: str) -> bool:
    """Whether the latest inventory of a dataset accepted none."""
    row = graph.heads.get(("clips", dataset, None))
    return row is not None and row["num_clips"] == 0


def _named_datasets(project: Project) -> set[str]:
    """Datasets with a copy of a forgotten content, whether or not it reached a shard."""
    return {
        str(place["dataset"]) for row in withdrawals(project.home) for place in json.loads(row["places_json"])
    }


def _touched(project: Project, hashes: dict[str, str]) -> list[Row]:
    """Materialisations computed from a forgotten content, directly or not."""
    tracer = Tracer(project.home)
    found: dict[str, Row] = {}
    for sha256 in hashes:
        trace = descend(tracer, Target(kind="raw_file", text=sha256, sha256=sha256), sha256)
        for name, node in trace.nodes.items():
            if node["kind"] == "materialization":
                found[name] = tracer.graph.by_id[node["materialization_id"]]
    return list(found.values())


def _old_trainings(project: Project, old: list[Row]) -> Iterator[Removal]:
    """Sample images and checkpoints of trainings on it; registered weights stay, marked in the registry."""
    weights = {
        row["data_version"]: row for row in old if row["asset"] in MODEL_ASSETS and row["mlflow_run_id"]
    }
    for model in model_folders(project.home):
        if model.weights_sha256 in weights and not model.is_current:
            for name in ("samples", "checkpoint.pt"):
                if (model.path / name).exists():
                    why = f"{model.label} was trained on a forgotten content, and again since"
                    yield of_path(project, model.path / name, "forgotten", why)
    for row in weights.values():
        for samples in (project.home.mlflow / "artifacts" / row["mlflow_run_id"]).glob("artifacts/samples"):
            why = f"images of an earlier {label(row)}, trained on a forgotten content"
            yield of_path(project, samples, "forgotten", why)


def _adapted_copies(project: Project, hashes: Mapping[str, str]) -> Iterator[Removal]:
    """Copies that ``cals adapt`` made of forgotten videos: they are the project's own, the user's files are not touched."""
    for copy in sorted((project.home.root / ADAPTED).glob("*/video.*")):
        if sha256_of(copy) in hashes:
            yield Removal(
                kind="forgotten",
                name=copy.relative_to(project.home.root).as_posix(),
                why="the copy that cals adapt made of a forgotten video",
                num_bytes=copy.stat().st_size,
                act=partial(copy.unlink, missing_ok=True),
            )


def _old_previews(project: Project, graph: LedgerGraph, old: list[Row]) -> Iterator[Removal]:
    """Dagster runs with previews of it in their events; the ledger keeps the facts."""
    needed = {row["dagster_run_id"] for row in graph.heads.values()}
    runs = {row["dagster_run_id"]: label(row) for row in old if row["dagster_run_id"] not in needed}
    databases = project.home.dagster / "history" / "runs"
    for run_id, what in sorted(runs.items()):
        if (databases / f"{run_id}.db").exists():
            yield Removal(
                kind="forgotten",
                name=f"dagster run {run_id}",
                why=f"previews of an earlier {what}, computed from a forgotten content",
                num_bytes=(databases / f"{run_id}.db").stat().st_size,
                act=partial(delete_run, project, run_id),
            )


def delete_run(project: Project, run_id: str) -> None:
    """Deletes a run's events, and compacts the databases that held them."""
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
    """Previews and cached landmarks older than the last withdrawal, since they do not say which clip they show."""
    last = max(row["at"] for row in withdrawals(project.home)).timestamp()
    for stage in sorted((project.home.root / "stages").glob(f"*/{dataset}")):
        for path in sorted(path for name in IMAGE_FOLDERS for path in stage.rglob(f"{name}/*")):
            if path.is_file() and path.stat().st_mtime < last:
                why = "older than a withdrawal in this dataset; computed again where needed"
                yield of_path(project, path, "forgotten", why)
