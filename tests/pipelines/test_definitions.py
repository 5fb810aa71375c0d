"""What Dagster loads: the assets are those of the graph, with owners, descriptions and checks."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.project.graph import STAGES, source_names, stage_code
from pipelines.code_location import defs
from pipelines.instance import shipped_file

CHECKS = {
    "clips": {
        "there_are_clips",
        "no_source_in_two_splits",
        "no_speaker_in_two_splits",
        "few_clips_are_rejected",
        "few_unexpected_errors",
    },
    "face_tracks": {"few_clips_are_rejected", "few_unexpected_errors", "most_frames_are_kept"},
    "face_crops": {"few_clips_are_rejected", "few_unexpected_errors"},
    "mels": {"few_clips_are_rejected", "few_unexpected_errors"},
    "av_offsets": {"few_clips_are_rejected", "few_unexpected_errors"},
    "shards": {"train_is_not_empty", "val_and_test_are_not_empty"},
    "generator": {"weights_are_finite", "no_training_warning"},
    "renders": {"few_unexpected_errors"},
    "clip_metrics": {"few_unexpected_errors", "ground_truth_is_perfect", "figures_are_finite"},
    "context_window": {"few_unexpected_errors"},
    "masked_audio": {"few_unexpected_errors"},
}


@pytest.fixture(scope="module")
def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("name", STAGES)
def test_an_asset_is_what_the_graph_says(specs: dict[str, dg.AssetSpec], name: str) -> None:
    stage, spec = STAGES[name], specs[name]
    assert {dep.asset_key.to_user_string() for dep in spec.deps} == {*stage.deps, *source_names(stage)}
    assert spec.code_version == stage_code(name).digest
    assert (spec.group_name, spec.kinds) == (stage.group, set(stage.kinds))
    assert spec.description and spec.owners


def test_checks_are_declared() -> None:
    declared: dict[str, set[str]] = {}
    for key in defs.resolve_asset_graph().asset_check_keys:
        declared.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    for asset, names in CHECKS.items():
        assert names <= declared[asset]


def test_jobs_and_sensors() -> None:
    repository = defs.get_repository_def()
    assert repository.has_job("stale_job")
    assert {sensor.name for sensor in repository.sensor_defs} == {"stale_sensor", "raw_file_sensor"}


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml", "cals.yaml"])
def test_shipped_files_are_found(name: str) -> None:
    assert shipped_file(name).is_file()
