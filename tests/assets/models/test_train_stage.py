"""A finished training is reused, and sent to MLflow again where MLflow lost it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from assets.models.train_stage import train_stage, training_folder
from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.project.settings import Project, load_project
from assets.stage.run import StageRun
from assets.store import ledger
from assets.store.current_model import write_current_model
from assets.store.forced_clips import ForcedClips
from assets.store.mlflow_tracking import Tracking
from assets.store.warehouse import publish, query
from assets.workers.clip_pool import PoolSettings
from pipelines.repair.flaw import Flaw
from pipelines.repair.registry import find_unregistered
from tests.support.lineage_home import CODE, sha256
from tests.support.model_registry import client_of, empty_database

CONFIG = "datasets:\n  talks: {layout: folder, root: raw, profile: tiny, num_buckets: 1, methods: [cals]}\n"
STAGE, NAME, ALIAS = "sync_encoder", "cals-sync-encoder", "talks"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Shards on record, a finished training on them, and MLflow with its tables."""
    write_text(tmp_path / "cals.yaml", CONFIG)
    home = Home(tmp_path / ".cals")
    home.mlflow.mkdir(parents=True)
    (home.mlflow / "mlflow.db").write_bytes(empty_database())
    record(home, "shards", sha256("shards"))
    project = load_project(tmp_path / "cals.yaml", home.root)
    finish_training(stage_run(project), "first")
    return project


def record(home: Home, asset: str, version: str, mlflow_run_id: str | None = None) -> None:
    entry = ledger.Entry(
        asset=asset, dataset="talks", method=None, data_version=version, code_version=CODE.digest, settings={},
        inputs={}, dagster_run_id="run", duration_s=1.0, mlflow_run_id=mlflow_run_id,
    )  # fmt: skip
    ledger.append(home, entry, CODE)


def stage_run(project: Project) -> StageRun:
    return StageRun(
        stage=STAGE, project=project, dataset=project.dataset("talks"), method=None, pool=PoolSettings(),
        heads=ledger.heads(project.home), dagster_run_id="run", tracking=Tracking(project.home.mlflow), log=print,
    )  # fmt: skip


def finish_training(run: StageRun, content: str) -> None:
    """Writes the files that the training process leaves."""
    out = training_folder(run)
    result = {"weights_sha256": sha256(content), "steps": 2, "num_parameters": 3, "seconds": 1.0,
              "figures": {"loss": 0.5}, "warnings": [], "device_name": "cpu"}  # fmt: skip
    line = {"step": 2, "split": "train", "metrics": {"loss": 0.75}}
    write_text(out / "progress.jsonl", json.dumps(line) + "\n")
    write_text(out / "model.safetensors", content)
    write_text(out / "model.json", "{}")
    write_text(out / "result.json", json.dumps(result))


def make(project: Project) -> str:
    """Materialises the stage as its asset does; returns the MLflow run."""
    produced = train_stage(stage_run(project), {})
    assert produced.mlflow_run_id is not None
    record(project.home, STAGE, produced.data_version, produced.mlflow_run_id)
    return produced.mlflow_run_id


def flaws(project: Project) -> list[Flaw]:
    return list(find_unregistered(project, ledger.heads(project.home)))


def test_a_training_that_ended_after_its_run_was_killed_is_marked_finished(project: Project) -> None:
    run_id = make(project)
    client = client_of(project)
    for status in ("RUNNING", "KILLED"):
        client.update_run(run_id, status)
        assert make(project) == run_id
        assert client.get_run(run_id).info.status == "FINISHED"


def test_a_finished_training_is_registered_and_sent_to_mlflow(project: Project) -> None:
    run_id = make(project)
    client = client_of(project)
    run = client.get_run(run_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"train/loss": 0.75})
    assert {file.path for file in client.list_artifacts(run_id, "model")} >= {"model/model.safetensors"}
    version = client.get_model_version_by_alias(NAME, ALIAS)
    assert (version.run_id, version.tags["weights_sha256"]) == (run_id, sha256("first"))
    assert flaws(project) == [] and make(project) == run_id


def test_a_forced_training_gets_a_folder_of_its_own(project: Project) -> None:
    """It resumes there after a kill; once it is done it is the one that is reused, if it became the current model."""
    run = stage_run(project)
    first = training_folder(run)
    forced = dataclasses.replace(run, forced=ForcedClips(every=True))
    second = training_folder(forced)
    assert second == first.with_name(f"{first.name}-2")
    write_text(second / "progress.jsonl", "")
    assert training_folder(forced) == second, "not finished: resumed"
    assert training_folder(run) == first
    write_text(second / "result.json", "{}")
    assert training_folder(forced) == first.with_name(f"{first.name}-3")
    write_current_model(first.parent, first.name, "1")
    assert training_folder(run) == first
    write_current_model(first.parent, second.name, "2")
    assert training_folder(run) == second


@pytest.mark.parametrize("lost", ["run", "version", "alias"])
def test_what_mlflow_lost_is_sent_again(project: Project, lost: str) -> None:
    run_id = make(project)
    client = client_of(project)
    if lost == "run":
        client.delete_run(run_id)
    elif lost == "version":
        client.delete_model_version(NAME, "1")
    else:
        client.delete_registered_model_alias(NAME, ALIAS)
    (flaw,) = flaws(project)
    assert flaw.kind == "mlflow_differs" and flaw.mend is not None
    flaw.mend()
    assert flaw.remake == ((STAGE, "talks", None),) * (lost != "alias")
    again = make(project)
    assert (again == run_id) is (lost != "run") and flaws(project) == []
    assert client.get_model_version_by_alias(NAME, ALIAS).run_id == again


def test_a_reused_older_training_gets_its_alias_back(project: Project) -> None:
    first = make(project)
    record(project.home, "shards", sha256("other shards"))
    finish_training(stage_run(project), "second")
    second = make(project)
    client = client_of(project)
    assert client.get_model_version_by_alias(NAME, ALIAS).run_id == second != first
    record(project.home, "shards", sha256("shards"))
    assert make(project) == first and flaws(project) == []
    assert client.get_model_version_by_alias(NAME, ALIAS).run_id == first


def test_every_training_stays_in_the_warehouse(tmp_path: Path, project: Project) -> None:
    weights = []
    for steps in (2, 3, 4):
        settings = f"settings: {{sync_encoder: {{steps: {steps}}}}}\n"
        write_text(tmp_path / "cals.yaml", settings + CONFIG)
        changed = load_project(tmp_path / "cals.yaml", project.home.root)
        finish_training(stage_run(changed), f"after {steps} steps")
        make(changed)
        make(changed)  # a training that is reused is no other version
        weights.append(sha256(f"after {steps} steps"))
    database = publish(project.home)
    models = query(
        database, "select data_version, weights_sha256, is_current from models_history order by finished_at"
    )
    assert models["data_version"].tolist() == models["weights_sha256"].tolist() == weights
    assert models["is_current"].tolist() == [False, False, True]
    curves = query(database, "select model_version from training_curves_history order by finished_at")
    assert curves["model_version"].tolist() == weights
    assert query(database, "select weights_sha256 from models")["weights_sha256"].tolist() == weights[-1:]
