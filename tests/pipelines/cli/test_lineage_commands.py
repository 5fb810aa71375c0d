"""The commands ``cals trace``, ``gc`` and ``export``."""

from __future__ import annotations

import json

import pytest

from assets.project.settings import Project
from pipelines.cli.main import make_parser
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, SyntheticRun, SyntheticRun]:
    made = make_project(tmp_path_factory.mktemp("lineage"))
    first, second = SyntheticRun(made, "first"), SyntheticRun(made, "second", (f"{DATASET}/train/1",))
    return made, first.make_all(), second.make_all()


def test_the_commands_print_their_result_or_one_line(
    two_runs: tuple[Project, SyntheticRun, SyntheticRun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CALS_CONFIG", str(two_runs[0].config_path))
    monkeypatch.setenv("CALS_HOME", str(two_runs[0].home.root))

    def cals(*words: str) -> str:
        arguments = make_parser().parse_args(words)
        assert arguments.command(arguments) == 0
        return capsys.readouterr().out

    assert json.loads(cals("trace", f"{DATASET}/train/2", "--json"))["direction"] == "up"
    assert "superseded: " in cals("trace", f"{DATASET}/train/2", "--down")
    assert "nothing to remove" in cals("gc")
    assert json.loads(cals("gc", "--json"))["removed"] is False
    assert cals("export", "croissant").strip().endswith("croissant.json")
    assert "events in" in cals("export", "openlineage")
    assert "README.md" in cals("export", "cards", "--dataset", DATASET)
    with pytest.raises(ValueError, match="--out and --url are for openlineage"):
        cals("export", "cards", "--out", "x")
