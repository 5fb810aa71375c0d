"""Sensors request what `cals run` would compute: one level at a time, each state once, nothing where nothing changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from assets.project.graph import STAGES, source_names, stage_code
from assets.project.settings import Project
from assets.project.source_versions import TRAIN_ON, source_version
from assets.stage.resources import ProjectResource
from assets.store import ledger
from pipelines.automation import raw_file_sensor, stale_sensor
from pipelines.instance import open_instance
from pipelines.staleness import find_stale
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


def keys_of(project: Project, instance: DagsterInstance, sensor: dg.SensorDefinition) -> list[str | None]:
    return [request.run_key for request in requests_of(project, instance, sensor)]


def make_again(project: Project, label: str) -> None:
    """Appends the ledger's row of a stale partition as a run that makes it now would."""
    (partition,) = [one for one in find_stale(project) if one.label == label]
    stage, (asset, dataset, method) = STAGES[partition.asset], partition.key
    heads = ledger.heads(project.home)
    inputs = {
        name: source_version(project, name, dataset) for name in source_names(stage) if name != TRAIN_ON
    }
    inputs |= {dep: heads[dep, dataset, None]["data_version"] for dep in stage.deps}
    entry = ledger.Entry(
        asset=asset,
        dataset=dataset,
        method=method,
        data_version=heads[partition.key]["data_version"],
        code_version=stage_code(asset).digest,
        settings=project.settings_values(dataset, asset),
        inputs=inputs,
        dagster_run_id="run",
        duration_s=1.0,
    )
    ledger.append(project.home, entry, stage_code(asset))


def test_a_new_raw_file_asks_for_the_clips_of_its_dataset_once(
    project: Project, instance: DagsterInstance
) -> None:
    for sensor in (stale_sensor, raw_file_sensor):
        assert requests_of(project, instance, sensor) == [], "nothing changed"
    (project.dataset("data1").root / "s1" / "new.mpg").write_bytes(b"new")
    for sensor in (stale_sensor, raw_file_sensor):
        (request,) = requests_of(project, instance, sensor)
        assert request.asset_selection == [dg.AssetKey("clips")] and request.partition_key == "data1"
        assert request.tags["cals.cause"] == "input changed: raw_videos"
        (again,) = requests_of(project, instance, sensor)
        assert again.run_key == request.run_key, (
            "one state is tried once: Dagster leaves out a key that it has seen"
        )


@pytest.mark.parametrize("sensor", [stale_sensor, raw_file_sensor])
def test_a_state_that_comes_back_is_asked_for_again(
    project: Project, instance: DagsterInstance, sensor: dg.SensorDefinition
) -> None:
    """Raw files A, B, A, B: each change is a run, however often its words and its content were seen before."""
    new = project.dataset("data1").root / "s1" / "new.mpg"
    seen: list[str | None] = []
    for is_there in (True, False, True, False):
        if is_there:
            new.write_bytes(b"new")
        else:
            new.unlink()
        (key,) = keys_of(project, instance, sensor)
        assert key not in seen
        seen.append(key)
        make_again(project, "clips/data1")
        assert keys_of(project, instance, sensor) == []


def test_each_edit_of_one_function_is_asked_for_though_its_words_are_the_same(
    project: Project, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = stage_code("mels")
    edited = {name: f"{digest}" for name, digest in known.definitions.items()}
    seen: list[str | None] = []
    causes = set()
    for edit in ("first", "second", "first"):
        code = dataclasses.replace(known, digest=edit, definitions=edited | {"assets.mels.mel.log_mel": edit})
        monkeypatch.setattr(
            "pipelines.staleness.stage_code",
            lambda name, code=code: code if name == "mels" else stage_code(name),
        )
        requests = requests_of(project, instance, stale_sensor)
        assert [(one.asset_selection, one.partition_key) for one in requests] == [
            ([dg.AssetKey("mels")], dataset) for dataset in ("data0", "data1")
        ]
        causes |= {request.tags["cals.cause"] for request in requests}
        seen += [request.run_key for request in requests]
    assert causes == {"code: assets.mels.mel.log_mel changed"}
    assert len(set(seen)) == 4, "an edit that is taken back before its run made anything is the same state"


def test_stages_of_one_pass_are_asked_for_together(
    project: Project, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = dataclasses.replace(stage_code("face_tracks"), digest="edited")
    monkeypatch.setattr(
        "pipelines.staleness.stage_code", lambda name: code if name == "face_tracks" else stage_code(name)
    )
    for request in requests_of(project, instance, stale_sensor):
        assert request.asset_selection == [dg.AssetKey("face_tracks"), dg.AssetKey("face_crops")]


def test_a_dataset_whose_folder_is_not_there_stops_no_other(
    project: Project, instance: DagsterInstance
) -> None:
    root = project.dataset("data0").root
    root.rename(root.with_name("away"))
    (project.dataset("data1").root / "s1" / "new.mpg").write_bytes(b"new")
    for sensor in (stale_sensor, raw_file_sensor):
        (request,) = requests_of(project, instance, sensor)
        assert request.partition_key == "data1"


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
