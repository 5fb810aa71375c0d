"""Three real retrainings through ``cals run``: every model and curve stays, and any two are told apart."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from assets.store.warehouse import query
from pipelines.cli.main import main
from tests.support.small_runs import DATASET, SmallRuns

STEPS = (2, 3, 4)


@pytest.mark.proof
def test_three_retrainings_stay_and_are_told_apart(
    tmp_path: Path,
    grid_clips: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = SmallRuns(tmp_path, grid_clips, monkeypatch)
    weights = []
    for steps in STEPS:
        runs.configure(f"{{sync_encoder: {{steps: {steps}}}}}", to="sync_encoder")
        assert main(["run"]) == 0
        weights.append(runs.versions()["sync_encoder"])
    models = query(
        runs.home.database,
        "select data_version, steps, is_current, settings_json ->> 'steps' as configured from models_history "
        "inner join materializations using (materialization_id, data_version) where models_history.asset = 'sync_encoder' "
        "order by models_history.finished_at",
    )
    assert models["data_version"].tolist() == weights and len(set(weights)) == 3
    assert models["steps"].tolist() == list(STEPS) == [int(steps) for steps in models["configured"]]
    assert models["is_current"].tolist() == [False, False, True]
    curves = query(
        runs.home.database,
        "select data_version, max(step) as last from training_curves_history group by 1 order by 2",
    )
    assert curves["last"].tolist() == list(STEPS)
    for a, b in permutations(range(3), 2):
        capsys.readouterr()
        assert (
            main(["diff", weights[a][:12], weights[b][:12], "--json", "--html", str(tmp_path / "page.html")])
            == 0
        )
        found = json.loads(capsys.readouterr().out)
        assert {
            "partition": f"sync_encoder/{DATASET}",
            "setting": "steps",
            "a": STEPS[a],
            "b": STEPS[b],
        } in found["settings"]
        (clips,) = found["clips"]
        assert clips["came"] == clips["went"] == []
        losses = [
            curve for curve in found["curves"] if curve["metric"] == "loss" and curve["split"] == "train"
        ]
        assert [losses[0][side][-1][0] for side in ("a", "b")] == [STEPS[a], STEPS[b]]
    assert 'class="curve a train"' in (tmp_path / "page.html").read_text(encoding="utf-8")
