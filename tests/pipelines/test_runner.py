"""`cals run` after a blocking check failed: exit status 1, and one line that says which check and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.cli.main import main
from pipelines.runner import RunOutcome, run_stale
from tests.support.small_runs import SmallRuns


@pytest.fixture
def runs(tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> SmallRuns:
    return SmallRuns(tmp_path, grid_clips, monkeypatch)


def test_each_failed_check_is_one_line_with_what_waits_for_it() -> None:
    outcome = RunOutcome(
        made=["shards/one"],
        failed={"mels/two": "ValueError: no"},
        blocked={"sync_encoder/one": "the check X failed", "generator/one/cals": "the check X failed", "renders/a": "other"},
        failed_checks={"shards/one": "the check X failed"},
    )  # fmt: skip
    assert not outcome.ok and outcome.summary == "made 1, failed 1, blocked 3, failed checks 1"
    assert outcome.problems() == [
        "mels/two: ValueError: no",
        "shards/one: the check X failed (2 partitions below it blocked)",
        "renders/a: blocked: other",
    ]
    alone = RunOutcome(failed_checks={"shards/one": "the check X failed"})
    assert not alone.ok and alone.problems() == ["shards/one: the check X failed"]


def all_rejected(runs: SmallRuns, settings: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Summary of a run in which every clip is rejected, and the line on the failed check."""
    runs.configure(settings)
    assert main(["run"]) == 1
    out, error = capsys.readouterr()
    (line,) = [line for line in error.splitlines() if "failed:" in line and ": done" not in line]
    return out, line


def test_where_no_file_is_a_clip_the_check_of_the_inventory_speaks(
    runs: SmallRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    out, line = all_rejected(runs, "{clips: {max_duration_s: 0.5}}", capsys)
    assert "made 1, failed 0, blocked 5, failed checks 1" in out
    assert line.startswith("clips/one: the check there_are_clips of clips failed: 0 clips accepted")
    assert line.endswith("the limits in cals.yaml (5 partitions below it blocked)")


def test_where_every_clip_is_rejected_the_check_of_the_train_split_speaks(
    runs: SmallRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below face_tracks nothing has a row."""
    out, line = all_rejected(runs, "{face_tracks: {min_face_px: 600}}", capsys)
    assert "made 6, failed 0, blocked 0, failed checks 1" in out
    assert line.startswith(
        "shards/one: the check train_is_not_empty of shards failed: clips: train 0, val 0, test 0; empty: train; "
        "add clips to it, or change the splits, or correct what was rejected (3 clips; "
    )
    assert main(["run"]) == 1, "until it is put right"
    assert capsys.readouterr().out.startswith("made 0, failed 0, blocked 0, failed checks 1")


@pytest.mark.proof
@pytest.mark.parametrize(
    "settings",
    [
        "{mels: {max_silent_share: 0.000001}}",
        "{face_crops: {max_padding_share: 0}, shards: {min_frames: 1000}}",
        "{shards: {min_frames: 1000}}",
    ],
)
def test_whichever_stage_rejects_every_clip(
    runs: SmallRuns, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, line = all_rejected(runs, settings, capsys)
    assert "made 6, failed 0" in out and "train_is_not_empty" in line
    runs.configure()
    assert main(["run"]) == 0


def test_a_run_is_of_its_project_whatever_the_environment_says(
    runs: SmallRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.configure(to="clips")
    project, elsewhere = runs.project, tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.delenv("CALS_HOME")
    monkeypatch.delenv("CALS_CONFIG")
    monkeypatch.chdir(elsewhere)
    outcome = run_stale(project)
    assert outcome.ok and outcome.made == ["clips/one"]
    assert set(runs.heads()) == {"clips"}
    assert "CALS_HOME" not in os.environ and "CALS_CONFIG" not in os.environ
    assert not list(elsewhere.iterdir()), "nothing is written where it runs"


def test_the_settings_file_of_a_command_line_is_that_commands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for before in (None, "/before/cals.yaml"):
        if before is None:
            monkeypatch.delenv("CALS_CONFIG", raising=False)
        else:
            monkeypatch.setenv("CALS_CONFIG", before)
        assert main(["--config", str(tmp_path / "missing.yaml"), "stale"]) != 0
        assert os.environ.get("CALS_CONFIG") == before
