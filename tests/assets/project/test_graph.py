"""The tables of stages and sources: their order, and what their strings name."""

from __future__ import annotations

import dataclasses

import pytest

from assets.project.graph import STAGES, computed_together, stage_names
from assets.project.sources import SOURCES
from assets.stage.stage_asset import StageAsset
from cals_models.references import load


def test_a_stage_reads_only_stages_above_it_and_known_sources() -> None:
    above: set[str] = set()
    for stage in STAGES.values():
        assert set(stage.deps) <= above
        assert set(stage.sources) <= set(SOURCES)
        above.add(stage.name)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_names_its_settings_and_its_function(name: str) -> None:
    assert dataclasses.is_dataclass(load(STAGES[name].settings))
    declared = load(STAGES[name].asset)
    assert isinstance(declared, StageAsset) and declared.names == computed_together(name)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_names_a_function(name: str) -> None:
    assert callable(load(SOURCES[name].version))


def test_stages_of_a_group_in_data_order() -> None:
    assert stage_names("data") == ("clips", "face_tracks", "face_crops", "mels", "av_offsets", "shards")
    assert stage_names("models") == ("sync_encoder", "audio_to_lip", "generator", "lse_evaluator")


def test_tracks_and_crops_are_computed_in_one_pass() -> None:
    assert computed_together("face_crops") == ("face_tracks", "face_crops")
    assert computed_together("mels") == ("mels",)
