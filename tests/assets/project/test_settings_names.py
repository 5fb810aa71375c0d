"""Settings of a method that has a class of its own: where cals.yaml gives them, and whom they concern."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.project.settings import SettingsError, load_project
from assets.project.settings_names import settings_classes, settings_name
from assets.project.settings_schema import project_schema
from assets.project.source_versions import is_by_method, observed_versions
from cals_models.config.generator import GeneratorConfig
from cals_models.methods.method import Method
from tests.support.toy_method import ToyConfig, with_toy

CONFIG = """
settings: {toy: {learning_rate: 0.5}}
datasets:
  one: {layout: grid, root: one, profile: tiny, methods: [copy_reference, cals, toy], settings: {toy: {window_frames: 9}}}
  two: {layout: grid, root: two, methods: [toy]}
  all: {layout: grid, root: all}
"""


@pytest.fixture(autouse=True)
def toy() -> Iterator[Method]:
    with with_toy() as method:
        yield method


def write(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "cals.yaml"
    path.write_text(text)
    return path


def test_a_method_has_its_own_settings_by_profile_project_and_dataset(tmp_path: Path) -> None:
    project = load_project(write(tmp_path))
    toy = project.stage_settings("one", "generator", "toy")
    assert toy == ToyConfig(steps=30, learning_rate=0.5, window_frames=9)
    assert project.stage_settings("two", "generator", "toy") == ToyConfig(learning_rate=0.5)
    for method in ("cals", "copy_reference", None):
        assert isinstance(project.stage_settings("one", "generator", method), GeneratorConfig)
    assert project.stage_settings("one", "renders", "toy").split == "test"
    assert [settings_name("generator", method) for method in ("toy", "wav2lip", "ground_truth", None)] == [
        "toy", "generator", "generator", "generator",
    ]  # fmt: skip


def test_an_optional_method_is_a_dataset_s_only_where_it_is_listed(tmp_path: Path) -> None:
    assert load_project(write(tmp_path)).dataset("all").methods == (
        "ground_truth", "copy_reference", "wav2lip", "a2l", "a2l_dav", "cals",
    )  # fmt: skip


def test_its_settings_are_observed_by_method(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = observed_versions(load_project(path), "settings/generator")
    assert {key for key in before if key[0] == "one"} == {
        ("one", m) for m in ("copy_reference", "cals", "toy")
    }
    assert is_by_method("settings/generator") and not is_by_method("settings/renders")
    after = observed_versions(
        load_project(write(tmp_path, CONFIG.replace("0.5", "0.25"))), "settings/generator"
    )
    assert {key for key in before if before[key] != after[key]} == {("one", "toy"), ("two", "toy")}
    other = CONFIG.replace("settings: {toy: {l", "settings: {generator: {l1_weight: 1}, toy: {l")
    after = observed_versions(load_project(write(tmp_path, other)), "settings/generator")
    assert {key[1] for key in before if before[key] != after[key]} == {
        "ground_truth", "copy_reference", "wav2lip", "a2l", "a2l_dav", "cals",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("window_frames", "window_frame", r"datasets.one.settings.toy: no such key 'window_frame' \(did you mean"),
        ("{window_frames: 9}", "{window_frames: 0}", "datasets.one.settings.toy.window_frames is 0; give 1 or more"),
        ("{toy: {learning_rate", "{toys: {learning_rate", r"settings: unknown 'toys' \(did you mean 'toy'\?\); one of clips,"),
        ("learning_rate: 0.5", "samples_per_clip: 3", "datasets.one.settings.toy: batch_samples: 2 samples cannot be drawn 3 a"),
    ],
)  # fmt: skip
def test_wrong_values_say_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CONFIG
    with pytest.raises(SettingsError, match=message):
        load_project(write(tmp_path, CONFIG.replace(old, new)))


def test_schema_and_reference_page_know_it() -> None:
    names = list(settings_classes())
    assert names.index("generator") < names.index("toy") < names.index("lse_evaluator")
    schema = project_schema()
    assert schema["definitions"]["settings"]["properties"]["toy"] == {"$ref": "#/definitions/toy"}
    steps = schema["definitions"]["toy"]["properties"]["steps"]["description"]
    assert steps == "Updates in all. Default: 700 in profile paper, 30 in profile tiny."
