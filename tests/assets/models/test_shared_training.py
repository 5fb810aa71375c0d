"""audio2head_true_pose takes the training of audio2head where that one is up to date, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from assets.models.kept_model import FILES
from assets.models.shared_training import take_shared_training
from assets.models.train_stage import training_folder
from assets.project.atomic_files import write_text
from assets.project.graph import STAGES
from assets.project.home import Home
from assets.project.settings import Project, load_project
from assets.stage.run import StageRun
from assets.store import ledger
from assets.store.current_model import write_current_model
from assets.store.forced_clips import ForcedClips
from assets.store.mlflow_tracking import Tracking
from assets.workers.clip_pool import PoolSettings
from cals_models.digests import digest_of

CONFIG = """\
settings: {audio2head: {steps: %d}}
datasets:
  talks: {layout: folder, root: raw, profile: tiny, num_buckets: 1, methods: [audio2head, audio2head_true_pose]}
"""


def project_at(folder: Path, *, steps: int = 40) -> Project:
    write_text(folder / "cals.yaml", CONFIG % steps)
    home = Home(folder / ".cals")
    home.mlflow.mkdir(parents=True, exist_ok=True)
    return load_project(folder / "cals.yaml", home.root)


def run_of(project: Project, method: str) -> StageRun:
    return StageRun(
        stage="generator", project=project, dataset=project.dataset("talks"), method=method, pool=PoolSettings(),
        heads=ledger.heads(project.home), dagster_run_id="run", tracking=Tracking(project.home.mlflow), log=print,
    )  # fmt: skip


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A project in which audio2head is trained and recorded."""
    project = project_at(tmp_path)
    record_what_it_reads(project)
    run = run_of(project, "audio2head")
    out = training_folder(run)
    for name in FILES:
        write_text(out / name, json.dumps({"method": "audio2head", "versions": {}, "of": name}))
    write_current_model(out.parent, out.name, "1")
    record(run, run.inputs())
    return tmp_path


def record_what_it_reads(project: Project) -> None:
    for stage in STAGES["generator"].deps:
        record(dataclasses.replace(run_of(project, "audio2head"), stage=stage, method=None), {})


def record(run: StageRun, inputs: dict[str, str]) -> None:
    entry = ledger.Entry(
        asset=run.stage, dataset="talks", method=run.method, data_version=digest_of(run.stage), code_version=run.code.digest,
        settings={}, inputs=inputs, dagster_run_id="run", duration_s=1.0, mlflow_run_id=None,
    )  # fmt: skip
    ledger.append(run.home, entry, run.code)


def test_a_training_that_is_up_to_date_is_taken_under_the_method_s_own_name(trained: Path) -> None:
    run = run_of(project_at(trained), "audio2head_true_pose")
    take_shared_training(run)
    out = training_folder(run)
    assert {path.name for path in out.iterdir()} == {*FILES, "imported.json"}
    for name, method in (("model.json", run.method), ("result.json", run.method), ("job.json", "audio2head")):
        plain = json.loads((out / name).read_text())
        assert (plain["method"], plain["of"]) == (method, name)


def test_a_training_with_other_settings_or_a_forced_one_is_not_taken(trained: Path) -> None:
    run = run_of(project_at(trained), "audio2head_true_pose")
    take_shared_training(dataclasses.replace(run, forced=ForcedClips(every=True)))
    assert not training_folder(run).exists()
    run = run_of(project_at(trained, steps=50), "audio2head_true_pose")
    take_shared_training(run)
    assert not training_folder(run).exists()


def test_methods_that_share_nothing_take_nothing(trained: Path) -> None:
    run = run_of(project_at(trained, steps=50), "audio2head")
    take_shared_training(run)
    assert not training_folder(run).exists()


def test_without_the_other_training_nothing_is_taken(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    record_what_it_reads(project)
    run = run_of(project, "audio2head_true_pose")
    take_shared_training(run)
    assert not training_folder(run).exists()
