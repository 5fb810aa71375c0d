"""Relay of a training's progress: complete lines, also when the training replaces its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assets.models.training_process import TrainingFailed, _ProgressReader, run_training


def lines(*steps: int) -> str:
    return "".join(json.dumps({"step": step, "loss": 0.5}) + "\n" for step in steps)


def test_a_line_is_relayed_once_it_is_complete(tmp_path: Path) -> None:
    path, relayed = tmp_path / "progress.jsonl", list[dict[str, Any]]()
    reader = _ProgressReader(path)
    reader.relay(relayed.append)
    path.write_text(lines(1) + '{"step": 2, "lo')
    reader.relay(relayed.append)
    assert [line["step"] for line in relayed] == [1]
    with path.open("a") as file:
        file.write('ss": 0.5}\n')
    reader.relay(relayed.append)
    assert [line["step"] for line in relayed] == [1, 2]


def test_a_resumed_training_is_followed_from_its_checkpoint(tmp_path: Path) -> None:
    """The lines of a killed run are read; then the training drops the steps after its checkpoint and repeats them."""
    path, relayed = tmp_path / "progress.jsonl", list[dict[str, Any]]()
    path.write_text(lines(1, 2, 3, 4))
    reader = _ProgressReader(path)
    reader.relay(relayed.append)
    rewritten = tmp_path / "rewritten"
    rewritten.write_text(lines(1, 2))
    rewritten.replace(path)
    with path.open("a") as file:
        file.write(lines(3, 4)[:-10])
    reader.relay(relayed.append)
    with path.open("a") as file:
        file.write(lines(3, 4)[-10:] + lines(5))
    reader.relay(relayed.append)
    assert [line["step"] for line in relayed] == [1, 2, 3, 4, 1, 2, 3, 4, 5]


def test_a_training_runs_the_code_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another checkout in the working directory is not imported: the ledger would name the wrong code."""
    (tmp_path / "cals_models" / "training").mkdir(parents=True)
    for folder in ("cals_models", "cals_models/training"):
        (tmp_path / folder / "__init__.py").write_text("raise SystemExit('another checkout')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingFailed) as failed:
        run_training("sync_encoder", {}, tmp_path / "out", lambda line: None)
    assert "another checkout" not in str(failed.value)
