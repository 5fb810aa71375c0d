"""Compares MLflow's runs and registry with the trainings on disk and the live processes."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from assets.models.training_process import end_training, training_processes
from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.project.settings import Project
from assets.store.mlflow_tracking import EXPERIMENT, RUN_FILE, VERSION_FILE
from assets.store.withdrawals import forgotten_hashes
from pipelines.forget import TAG, mark_models, models_trained_on
from pipelines.lineage.registered_models import training_folders
from pipelines.lineage.trace import Tracer
from pipelines.model_registry import open_registry, registered_versions_of
from pipelines.repair.flaw import Flaw

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ARTIFACTS = ("model.safetensors", "model.json", "result.json")


def find_orphaned_trainings(home: Home) -> Iterator[Flaw]:
    """Trainings that continue although the run that started them was killed."""
    for folder, process in trainings_at_work(home).items():
        if _is_orphan(process):
            yield Flaw(
                kind="orphaned_training",
                text=f"{folder.relative_to(home.root)}: the training (process {process.pid}) outlived the run that started it",
                remedy="ended; the next run resumes from its checkpoint",
                mend=partial(end_training, process),
            )


def trainings_at_work(home: Home) -> dict[Path, psutil.Process]:
    """Folder and process of each running training of this home."""
    found: dict[Path, psutil.Process] = {}
    for folder, process in training_processes():
        if folder.is_relative_to(home.root / "models"):
            found.setdefault(folder, process)
    return found


def _is_orphan(process: psutil.Process) -> bool:
    """Whether it leads its own session, as trainings of the pipeline do, and its parent is not a Python process: the run is gone."""
    try:
        parent = process.parent()
        own_session = os.getsid(process.pid) == process.pid
        return own_session and (
            parent is None or not parent.name().startswith(("python", "pytest", "dagster", "cals"))
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
        return False


def find_dead_mlflow_runs(project: Project, busy: Collection[str] = ()) -> Iterator[Flaw]:
    """Runs that MLflow marks as running although no process trains for them.

    Args:
        busy: datasets on which a run is working, which may be about to start or end a training.
    """
    client = open_registry(project)
    if client is None:
        return
    folders = {folder.name: folder for folder in training_folders(project.home)}
    at_work = trainings_at_work(project.home)
    for run in _running(client):
        folder = folders.get(run.data.tags.get("cals.training_key", ""))
        if (folder is not None and folder in at_work) or run.data.tags.get("cals.dataset") in busy:
            continue
        yield _dead_run(client, run, folder)
    yield from _unknown_versions(project.home, client)


def _running(client: MlflowClient) -> list[Run]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'"))


def _dead_run(client: MlflowClient, run: Run, folder: Path | None) -> Flaw:
    run_id = run.info.run_id
    name = f"MLflow run {run_id[:8]} ({run.info.run_name})"
    finished = folder is not None and (folder / "result.json").exists() and _own_run(folder) == run_id
    if folder is not None and finished:
        return Flaw(
            kind="dead_mlflow_run",
            text=f"{name} is marked running, but its training is done",
            remedy="its model is stored with it, and it is marked finished",
            mend=partial(_finish, client, run_id, folder),
        )
    return Flaw(
        kind="dead_mlflow_run",
        text=f"{name} is marked running, but nothing trains for it",
        remedy="marked killed; if its training resumes, so does the run",
        mend=partial(client.set_terminated, run_id, "KILLED"),
    )


def _own_run(folder: Path) -> str | None:
    path = folder / RUN_FILE
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def _finish(client: MlflowClient, run_id: str, folder: Path) -> None:
    there = {Path(file.path).name for file in client.list_artifacts(run_id, "model")}
    for name in ARTIFACTS:
        if name not in there and (folder / name).exists():
            client.log_artifact(run_id, str(folder / name), "model")
    client.set_terminated(run_id, "FINISHED")


def _unknown_versions(home: Home, client: MlflowClient) -> Iterator[Flaw]:
    """Registered models without a version in their folder, which would be registered a second time."""
    waiting = {
        folder.name: folder
        for folder in training_folders(home)
        if (folder / "result.json").exists() and not (folder / VERSION_FILE).exists()
    }
    if not waiting:
        return
    for version in registered_versions_of(client):
        folder = waiting.get(version.tags.get("training_key", ""))
        if folder is None or version.tags.get("weights_sha256") != _weights(folder):
            continue
        yield Flaw(
            kind="dead_mlflow_run",
            text=f"{folder.relative_to(home.root)} does not name its version {version.name}/{version.version}",
            remedy="its version is written there",
            mend=partial(write_text, folder / VERSION_FILE, str(version.version)),
        )


def _weights(folder: Path) -> str:
    return str(json.loads((folder / "result.json").read_text(encoding="utf-8"))["weights_sha256"])


def find_unmarked_models(project: Project) -> Iterator[Flaw]:
    """Registered models that were trained on a forgotten content and are not marked."""
    forgotten = forgotten_hashes(project.home)
    if not forgotten:
        return
    tracer = Tracer(project.home)
    seen: dict[str, list[str]] = {}
    for sha256 in forgotten:
        for weights in models_trained_on(tracer, sha256):
            seen.setdefault(weights, []).append(sha256)
    client = open_registry(project) if seen else None
    for version in registered_versions_of(client) if client else ():
        for sha256 in seen.get(version.tags.get("weights_sha256", ""), []):
            if sha256[:16] not in version.tags.get(TAG, ""):
                yield Flaw(
                    kind="unmarked_model",
                    text=f"{version.name}/{version.version} was trained on the forgotten content {sha256[:16]} and is not marked",
                    remedy="marked",
                    mend=partial(mark_models, project, {sha256: forgotten[sha256]}),
                )
