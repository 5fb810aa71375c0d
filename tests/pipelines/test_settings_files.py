"""The JSON Schema of ``cals.yaml`` and the reference page are up to date, and the schema agrees with the check at load."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from assets.media.limits import ProbeLimits
from assets.project.code_version import PROJECT_ROOT
from assets.project.graph import STAGES
from assets.project.settings_docs import field_texts
from assets.project.settings_gate import checked_fields
from assets.project.settings_names import settings_class
from assets.project.settings_schema import project_schema
from assets.sample_corpus.settings import SampleCorpusSettings
from cals_models.declarations.declared import declared_fields
from pipelines.cli.main import main
from pipelines.dubbing.settings import DubSettings
from pipelines.settings_files import DICTIONARY, PAGE, SCHEMA, settings_files, write_settings_files

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 8, 9, 127, 128, 1.5, -0.5, 0.3, 1e-300, 2.5, "", "no", "1", "auto", "cuda:1", "gpu",
    "dlib", "test", "none", "cals", "0" * 64, [], [1], [True], [1.5], ["cals"], [[1]], [8] * 6, [8] * 7, [8] * 5 + [9],
    [0, 1, 2, 3], {}, {"a": 1},
]  # fmt: skip


def shipped() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((PROJECT_ROOT / "cals.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("path", [SCHEMA, PAGE, DICTIONARY])
def test_the_generated_files_are_fresh(path: Path) -> None:
    held = (PROJECT_ROOT / path).read_text(encoding="utf-8")
    assert held == settings_files()[path], (
        f"{path} is out of date; bring it up to date by: cals schema --write"
    )


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == (PROJECT_ROOT / SCHEMA).read_text(encoding="utf-8")


def test_writing_needs_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in a checkout of the project"):
        write_settings_files(tmp_path)
    (tmp_path / "docs").mkdir()
    assert write_settings_files(tmp_path) == [tmp_path / SCHEMA, tmp_path / PAGE, tmp_path / DICTIONARY]
    assert json.loads((tmp_path / SCHEMA).read_text(encoding="utf-8")) == project_schema()


def test_the_shipped_file_names_the_schema_and_fits_it() -> None:
    text = (PROJECT_ROOT / "cals.yaml").read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named and named[1] == SCHEMA.as_posix()
    Draft7Validator.check_schema(project_schema())
    assert list(Draft7Validator(project_schema()).iter_errors(shipped())) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("datasets", "Small"), {"layout": "grid", "root": "x"}),
        (("datasets", "a__b"), {"layout": "grid", "root": "x"}),
        (("datasets", "sample_lrw", "layout"), "gird"),
        (("datasets", "sample_lrw", "methods"), "cals"),
        (("datasets", "sample_lrw", "num_buckets"), 0),
        (("datasets", "sample_lrw", "to"), "shard"),
        (("datasets", "sample_lrw", "name"), "x"),
        (("datasets", "sample_lrw", "options"), {"seeds": 1}),
        (("datasets", "sample_lrw", "settings"), {"mels": None}),
        (("datasets", "sample_lrw", "settings"), {"mel": {}}),
        (("settings",), {"mels": {"f_max": 1}}),
        (("settings",), {"generator": {"compile": "no"}}),
        (("dataset",), {}),
    ],
)
def test_a_wrong_file_does_not_fit_the_schema(path: tuple[str, ...], value: object) -> None:
    document = shipped()
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    assert not Draft7Validator(project_schema()).is_valid(document)


@pytest.mark.parametrize("key", ["methods", "to", "train_on", "options", "settings"])
def test_a_key_without_a_value_fits(key: str) -> None:
    document = shipped()
    document["datasets"]["sample_lrw"][key] = None
    assert Draft7Validator(project_schema()).is_valid(document)


@pytest.mark.parametrize("stage", STAGES)
def test_the_schema_agrees_with_the_check(stage: str) -> None:
    """But for whole numbers written as fractions, which JSON does not tell apart, and checks of several fields."""
    cls, schema = settings_class(stage), project_schema()["definitions"][stage]
    assert set(schema["properties"]) == set(declared_fields(cls))
    validator = Draft7Validator(schema)
    for field in schema["properties"]:
        for value in VALUES:
            try:
                checked_fields(cls, {field: value}, stage)
                admits = True
            except ValueError:
                admits = False
            assert validator.is_valid({field: value}) == admits, (field, value)


def test_each_setting_has_a_text_and_a_default() -> None:
    for stage, schema in project_schema()["definitions"].items():
        for name, described in schema["properties"].items():
            assert stage == "settings" or described["description"], (stage, name)
    learning_rate = project_schema()["definitions"]["generator"]["properties"]["learning_rate"]
    assert learning_rate["exclusiveMinimum"] == 0 and learning_rate["type"] == "number"
    assert learning_rate["description"].endswith("Default: 0.0001 in profile paper, 0.0005 in profile tiny.")


@pytest.mark.parametrize("cls", [DubSettings, ProbeLimits, SampleCorpusSettings])
def test_settings_outside_the_file_have_texts_too(cls: Any) -> None:
    assert list(field_texts(cls)) == list(declared_fields(cls))


def test_a_setting_without_a_text_is_named() -> None:
    class Undocumented(settings_class("mels")):  # type: ignore[misc]
        """Nothing about its field."""

    assert field_texts(Undocumented) == field_texts(settings_class("mels"))
    with pytest.raises(ValueError, match="say in the docstring's Args what x is"):
        field_texts(_with_field())


def _with_field() -> Any:
    return dataclasses.make_dataclass("Bare", [("x", int, math.inf)])
