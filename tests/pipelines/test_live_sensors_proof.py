"""Dagster's own daemon evaluates the sensors against a running code server: each edit, and each change back, is one run."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

from assets.project.graph import STAGES, source_names, stage_code
from assets.project.settings import Project
from assets.project.source_versions import TRAIN_ON, source_version
from assets.stage.partitions import dataset_and_method
from assets.store import ledger
from pipelines.automation import SENSOR_INTERVAL_S
from pipelines.instance import open_instance
from tests.support.fresh_home import Size, make_fresh_home

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("assets", "cals_models", "pipelines", "sql", "dagster.yaml", "workspace.yaml", "cals.yaml")


class Daemon:
    """Ticks the sensors of a code server, and notes the runs that they request."""

    def __init__(self, context: WorkspaceProcessContext, project: Project) -> None:
        self.context = context
        self.project = project
        self.now_s = time.time()
        self.seen: set[str] = set()
        location = context.create_request_context().get_code_location("cals")
        (repository,) = location.get_repositories().values()
        for name in ("stale_sensor", "raw_file_sensor"):
            context.instance.start_sensor(repository.get_sensor(name))

    def tick(self) -> list[DagsterRun]:
        """New runs after the sensors' next evaluation."""
        self.now_s += SENSOR_INTERVAL_S + 1
        with freeze_time(self.now_s):
            list(
                execute_sensor_iteration(
                    self.context,
                    logging.getLogger(__name__),
                    threadpool_executor=None,
                    submit_threadpool_executor=None,
                )
            )
        new = [run for run in self.context.instance.get_runs() if run.run_id not in self.seen]
        self.seen |= {run.run_id for run in new}
        return new

    def make(self, run: DagsterRun, code_version: str) -> None:
        """Writes the ledger row that the run would write."""
        assert run.asset_selection is not None
        dataset, method = dataset_and_method(run.tags["dagster/partition"])
        for key in run.asset_selection:
            asset = key.path[-1]
            heads = ledger.heads(self.project.home)
            sources = [name for name in source_names(STAGES[asset]) if name != TRAIN_ON]
            inputs = {name: source_version(self.project, name, dataset) for name in sources}
            inputs |= {dep: heads[dep, dataset, None]["data_version"] for dep in STAGES[asset].deps}
            entry = ledger.Entry(
                asset=asset,
                dataset=dataset,
                method=method,
                data_version=heads[asset, dataset, method]["data_version"],
                code_version=code_version,
                settings=self.project.settings_values(dataset, asset),
                inputs=inputs,
                dagster_run_id=run.run_id,
                duration_s=1.0,
            )
            ledger.append(self.project.home, entry, stage_code(asset))


@pytest.fixture
def instance(project: Project) -> Iterator[DagsterInstance]:
    with open_instance(project) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in COPIED:
        target = tmp_path / "sources" / name
        target.parent.mkdir(exist_ok=True)
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / name, target)
    for name in ("DAGSTER_HOME", "CALS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / ".cals"))
    monkeypatch.setenv("CALS_CONFIG", str(tmp_path / "cals.yaml"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "sources"))
    size = Size(clips=4, ledger_rows=30, single_rows=2, datasets=1, buckets=1, test_clips=2)
    return make_fresh_home(tmp_path, size, ["ground_truth", "cals"])


@pytest.fixture
def daemon(project: Project, instance: DagsterInstance, tmp_path: Path) -> Iterator[Daemon]:
    target = ModuleTarget(
        module_name="pipelines.code_location",
        attribute=None,
        working_directory=str(tmp_path / "sources"),
        location_name="cals",
    )
    with create_test_daemon_workspace_context(target, instance) as context:
        yield Daemon(context, project)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_each_edit_and_each_change_back_is_one_run(daemon: Daemon, project: Project, tmp_path: Path) -> None:
    assert daemon.tick() == [], "nothing is stale"

    new = project.dataset("data0").root / "s1" / "new.mpg"
    versions = []
    for is_there in (True, False, True, False):
        if is_there:
            new.write_bytes(b"new")
        else:
            new.unlink()
        by_sensor = {run.tags["dagster/sensor_name"]: run for run in daemon.tick()}
        assert set(by_sensor) == {"stale_sensor", "raw_file_sensor"}, "each asks for the state once"
        assert daemon.tick() == [], "a state that was asked for is not asked for again"
        daemon.make(by_sensor["raw_file_sensor"], stage_code("clips").digest)
        assert daemon.tick() == []
        versions.append(source_version(project, "raw_videos", "data0"))
    assert versions[0] == versions[2] and versions[1] == versions[3]

    mel = tmp_path / "sources" / "assets" / "mels" / "mel.py"
    original = mel.read_text()
    assert original.count(".log10_()") == 1
    causes = []
    for edit in (".log10_().mul_(2)", ".log10_().mul_(3)", ".log10_()"):
        mel.write_text(original.replace(".log10_()", edit))
        (run,) = [run for run in daemon.tick() if "mels" in str(run.asset_selection)]
        causes.append(run.tags["cals.cause"])
        assert daemon.tick() == []
        daemon.make(run, f"code of {edit}")  # never the present one: the next edit differs from it
    assert len(causes) == 3
