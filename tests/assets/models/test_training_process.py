"""Following a training's progress: lines as they are finished, also where the training writes its file anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assets.models.training_process import TrainingFailed, _ProgressReader, run_training


def lines(*steps: int) -> str:
    return "".join(json.dumps({"step": step, "loss": 0.5}) + "\n" for step in steps)


def test_a_line_is_told_once_it_is_whole(tmp_path: Path) -> None:
    path, told = tmp_path / "progress.jsonl", list[dict[str, Any]]()
    reader = _ProgressReader(path)
    reader.relay(told.append)
    path.write_text(lines(1) + '{"step": 2, "lo')
    reader.relay(told.append)
    assert [line["step"] for line in told] == [1]
    with path.open("a") as file:
        file.write('ss": 0.5}\n')
    reader.relay(told.append)
    assert [line["step"] for line in told] == [1, 2]


def test_a_training_that_goes_on_from_its_checkpoint_is_followed_from_there(tmp_path: Path) -> None:
    """What a killed run left is read, and then the training drops the steps after its checkpoint and repeats them."""
    path, told = tmp_path / "progress.jsonl", list[dict[str, Any]]()
    path.write_text(lines(1, 2, 3, 4))
    reader = _ProgressReader(path)
    reader.relay(told.append)
    anew = tmp_path / "anew"
    anew.write_text(lines(1, 2))
    anew.replace(path)
    with path.open("a") as file:
        file.write(lines(3, 4)[:-10])
    reader.relay(told.append)
    with path.open("a") as file:
        file.write(lines(3, 4)[-10:] + lines(5))
    reader.relay(told.append)
    assert [line["step"] for line in told] == [1, 2, 3, 4, 1, 2, 3, 4, 5]


def test_the_code_that_trains_is_the_one_that_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of another checkout in the working directory: the ledger would name the wrong code."""
    (tmp_path / "cals_models" / "training").mkdir(parents=True)
    for folder in ("cals_models", "cals_models/training"):
        (tmp_path / folder / "__init__.py").write_text("raise SystemExit('another checkout')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingFailed) as failed:
        run_training("sync_encoder", {}, tmp_path / "out", lambda line: None)
    assert "another checkout" not in str(failed.value)
