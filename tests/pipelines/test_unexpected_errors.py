"""A clip at which the pipeline fails costs itself only, is counted apart, and the exit status says that not all was done."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from assets.clips.rejections import check_rejections, check_unexpected, evaluation_check
from assets.mels.mel_clip import MelPayload, compute_mels
from pipelines.cause_words import unexpected_errors
from pipelines.cli.main import main
from tests.support.small_runs import DATASET, SmallRuns


@pytest.fixture
def runs(tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> SmallRuns:
    runs = SmallRuns(tmp_path / "project", grid_clips, monkeypatch)
    runs.configure(to="mels")
    return runs


def failing_mels(path_part: str) -> Any:
    def compute(payload: MelPayload, wanted: frozenset[str]) -> Mapping[str, Any]:
        if path_part in payload.path:
            raise KeyError(f"a defect\nat {path_part}")
        return compute_mels(payload, wanted)

    return compute


def test_one_clip_at_which_the_pipeline_fails(
    runs: SmallRuns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = sorted(path.name for path in runs.root.glob("*.mpg"))[0]
    monkeypatch.setattr("assets.mels.asset.compute_mels", failing_mels(bad))
    assert main(["run"]) == 1
    told = capsys.readouterr()
    assert "made 2, failed 0, blocked 0, with unexpected errors 1" in told.out
    line = next(line for line in told.err.splitlines() if line.startswith(f"mels/{DATASET}: 1 of 3 clips"))
    assert "KeyError: 'a defect\\nat " in line and "test_unexpected_errors.py:" in line
    assert "cals run --force mels --clip" in line

    states = {clip: (row["status"], row["reason"]) for clip, row in runs.rows("mels").items()}
    assert sorted(states.values(), key=str) == [("ok", None), ("ok", None), ("rejected", "unexpected_error")]
    counts = json.loads(runs.heads()["mels"]["counts_json"])
    assert (counts["accepted"], counts["rejected"], counts["unexpected"]) == (2, 0, 1)
    assert runs.heads()["mels"]["blocked_by"] is None, "one file never ends a run"
    check = json.loads(runs.heads()["mels"]["checks_json"])["few_unexpected_errors"]
    assert (check["passed"], check["blocking"]) == (False, False)
    with duckdb.connect(str(runs.home.database), read_only=True) as connection:
        (row,) = connection.execute("select stage, reason, detail from rejections").fetchall()
    assert row[:2] == ("mels", "unexpected_error") and re.search(r"KeyError: .* in compute\)", row[2])

    assert main(["run"]) == 1, "still not done"
    assert f"mels/{DATASET}: 1 of 3 clips ended by an unexpected error" in capsys.readouterr().err
    monkeypatch.undo()
    for name in ("CALS_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, str(runs.home.root))
    monkeypatch.setenv("CALS_CONFIG", str(runs.folder / "cals.yaml"))
    assert main(["run", "--force", "mels", "--bucket", "0", "--bucket", "1"]) == 0
    assert {row["status"] for row in runs.rows("mels").values()} == {"ok"}


def test_the_share_is_a_setting_and_several_clips_block_what_is_below() -> None:
    def rows(num_failed: int, num: int) -> list[dict[str, Any]]:
        failed = {"status": "rejected", "reason": "unexpected_error", "detail": "KeyError: 0 (a.py:1 in f)"}
        ok = {"status": "ok", "reason": None, "detail": None}
        return [{"clip_id": f"d/{n:03d}", **(failed if n < num_failed else ok)} for n in range(num)]

    found = {
        (failed, num, share): check_unexpected(rows(failed, num), share)
        for failed, num, share in [(0, 4, 0.01), (1, 4, 0.01), (1, 100, 0.01), (2, 200, 0.01), (3, 200, 0.01), (3, 200, 0.02)]
    }  # fmt: skip
    assert [(check.passed, check.blocking) for check in found.values()] == [
        (True, True), (False, False), (True, False), (True, True), (False, True), (True, True),
    ]  # fmt: skip
    assert "3 of 200 clips" in found[3, 200, 0.01].description
    assert "clips.max_unexpected_share" in found[3, 200, 0.01].description
    assert "first d/000: KeyError: 0 (a.py:1 in f)" in found[3, 200, 0.01].description
    apart = check_rejections(rows(2, 4))
    assert apart.passed and apart.description == "0 of 4 clips rejected"


def test_stages_beyond_the_shards_tell_it_by_clip() -> None:
    """Their tables have several rows a clip, and no clip of theirs can be forced alone."""
    settings = SimpleNamespace(
        stage_settings=lambda dataset, stage: SimpleNamespace(max_unexpected_share=0.5)
    )
    run = SimpleNamespace(stage="clip_metrics", project=settings, dataset=SimpleNamespace(name=DATASET))
    rows = [
        {"clip_id": "a", "detail": None},
        {"clip_id": "b", "detail": "unexpected_error: KeyError: 0 (a.py:1 in f)"},
        {"clip_id": "b", "detail": None},
        {"clip_id": "c", "detail": "not rendered: unexpected_error: counted by renders"},
    ]
    check = evaluation_check(cast("Any", run), rows)
    assert (
        check.passed
        and "first b: KeyError: 0 (a.py:1 in f); the table clip_metrics lists" in check.description
    )
    assert check.description.startswith("1 of 3 clips ended by an unexpected error")
    made = {
        "asset": "clip_metrics",
        "counts_json": '{"unexpected": 1}',
        "checks_json": json.dumps({check.name: {"description": check.description}}),
    }
    assert str(unexpected_errors(made)).endswith("or try them again: cals run --force clip_metrics")
