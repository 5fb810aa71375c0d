"""What trainings warned of is told at the end of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.store.current_model import write_current_model
from pipelines.cli.errors import print_problems
from pipelines.runner import RunOutcome
from pipelines.training_warnings import partition_warnings, warnings_of


def write_result(folder: Path, warnings: list[object]) -> Path:
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"warnings": warnings}))
    return folder


def test_the_last_text_of_each_warning_counts(tmp_path: Path) -> None:
    folder = write_result(
        tmp_path / "training",
        [
            {"step": 200, "warning": "copies_reference", "text": "0.02 of the way"},
            {"step": 400, "warning": "copies_reference", "text": "0.10 of the way"},
            {"step": 400, "warning": "ignores_audio", "text": "0.01 dB"},
        ],
    )
    assert warnings_of(folder) == {"copies_reference": "0.10 of the way", "ignores_audio": "0.01 dB"}
    assert warnings_of(tmp_path / "nothing") == {}


def test_only_the_current_model_of_a_training_stage_counts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    base = home.model("generator", "people", "cals")
    write_result(base / "earlier", [{"warning": "copies_reference", "text": "0.02 of the way"}])
    write_result(base / "newer", [{"warning": "not_at_plateau", "text": "train longer"}])
    assert partition_warnings(home, "generator", "people", "cals") == {}
    write_current_model(base, "newer", "2")
    assert partition_warnings(home, "generator", "people", "cals") == {"not_at_plateau": "train longer"}
    assert partition_warnings(home, "renders", "people", "cals") == {}


def test_the_end_of_a_run_names_model_and_warning(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = RunOutcome(
        made=["generator/people/cals"],
        warnings={"generator/people/cals": {"copies_reference": "0.02 of the way"}},
    )
    print_problems(outcome)
    assert capsys.readouterr().err == "warning: generator/people/cals: copies_reference: 0.02 of the way\n"
    assert outcome.ok
