"""Sensors request what `cals run` would compute: one level at a time, each state once, nothing where nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from assets.project.settings import Project
from assets.stage.resources import ProjectResource
from pipelines.automation import raw_file_sensor, stale_sensor
from pipelines.instance import open_instance
from tests.support.fresh_home import Size, make_fresh_home

METHODS = ["ground_truth", "cals"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("DAGSTER_HOME", "CALS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / ".cals"))
    size = Size(clips=8, ledger_rows=60, single_rows=2, datasets=2, buckets=1, test_clips=2)
    return make_fresh_home(tmp_path, size, METHODS)


@pytest.fixture
def instance(project: Project) -> Iterator[DagsterInstance]:
    with open_instance(project) as made:
        yield made


def requests_of(
    project: Project, instance: DagsterInstance, sensor: dg.SensorDefinition
) -> list[dg.RunRequest]:
    resources = {"project": ProjectResource(config_path=str(project.config_path))}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        found = list(sensor(context))
    return [one for one in found if isinstance(one, dg.RunRequest)]


def test_a_new_raw_file_asks_for_the_clips_of_its_dataset_once(
    project: Project, instance: DagsterInstance
) -> None:
    assert requests_of(project, instance, stale_sensor) == []
    before = {
        request.partition_key: request.run_key for request in requests_of(project, instance, raw_file_sensor)
    }
    (project.dataset("data1").root / "s1" / "new.mpg").write_bytes(b"new")
    after = {
        request.partition_key: request.run_key for request in requests_of(project, instance, raw_file_sensor)
    }
    assert before["data0"] == after["data0"] and before["data1"] != after["data1"]
    (request,) = requests_of(project, instance, stale_sensor)
    assert request.asset_selection == [dg.AssetKey("clips")] and request.partition_key == "data1"
    assert request.tags["cals.cause"] == "input changed: raw_videos"
    (again,) = requests_of(project, instance, stale_sensor)
    assert again.run_key == request.run_key, (
        "one state is tried once: Dagster leaves out a key that it has seen"
    )


def test_a_source_is_observed_again_only_when_it_changed(project: Project, instance: DagsterInstance) -> None:
    def num_observed() -> int:
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey("raw_videos"))
        return len(instance.fetch_observations(wanted, limit=50).records)

    for _ in range(2):
        requests_of(project, instance, stale_sensor)
        assert num_observed() == 2
    (project.dataset("data0").root / "s1" / "new.mpg").write_bytes(b"new")
    requests_of(project, instance, stale_sensor)
    assert num_observed() == 3
