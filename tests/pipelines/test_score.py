"""``cals score`` from a folder of videos to rows in the warehouse."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from assets.media.encode import write_lossless
from assets.settings import load_project
from assets.warehouse import query
from cals_models.syncnet import SyncNet
from pipelines import cli_score
from tests.grid_crops import grid_crops, through_jpeg

NUM_FRAMES = 30


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()

    def add(name: str, command: Callable[..., int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(command=command)
        return sub

    cli_score.add_commands(add)
    arguments = parser.parse_args(["score", *words])
    status: int = arguments.command(arguments)
    return status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cals.yaml").write_text("datasets: {}\n")
    monkeypatch.setenv("CALS_CONFIG", str(tmp_path / "cals.yaml"))
    monkeypatch.delenv("CALS_HOME", raising=False)
    return tmp_path


@pytest.fixture
def videos(folder: Path, grid_clips: list[Path]) -> list[str]:
    """A good, a shifted, a truncated, a wrongly named and a corrupt video beside their references."""
    frames, audio = grid_crops(grid_clips[0], 60)
    part, sound = frames[10 : 10 + NUM_FRAMES], audio[6400 : 6400 + 640 * NUM_FRAMES]
    generated, reference = folder / "acme", folder / "true"
    for name in ("good", "shifted", "truncated", "corrupt", "right_name"):
        write_lossless(reference / f"{name}.mkv", part, sound)
    made = through_jpeg(part, 50)
    write_lossless(generated / "good.mkv", made, sound)
    write_lossless(generated / "shifted.mkv", through_jpeg(frames[7 : 7 + NUM_FRAMES], 50), sound)
    write_lossless(generated / "truncated.mkv", made[:-4], sound[: -4 * 640])
    write_lossless(generated / "wrong_name.mkv", made, sound)
    (generated / "corrupt.mkv").write_bytes((generated / "good.mkv").read_bytes()[:4000])
    return ["--generated", str(generated), "--reference", str(reference)]


def test_good_ones_are_rows_and_each_of_the_others_a_line(
    folder: Path, videos: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    weights = folder / "some_weights.model"
    torch.save(SyncNet().state_dict(), weights)
    assert run(*videos, "--lse-weights", str(weights), "--json") == 1
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("cals score: ")]
    named = [line.removeprefix("cals score: ").split(":")[0] for line in lines]
    assert sorted(named) == [
        "corrupt.mkv", "right_name.mkv", "shifted.mkv", "truncated.mkv", "wrong_name.mkv",
    ]  # fmt: skip
    told = json.loads(shown.out)
    assert {row["clip_id"] for row in told["rows"]} == {"good"}
    assert len(told["failures"]) == 5 and told["method"] == "external/acme"
    assert all(row["value"] is not None for row in told["rows"])
    database = load_project().home.database
    stored = query(
        database, "select protocol, metric, value, evaluator from clip_metrics where method = 'external/acme'"
    )
    assert len(stored) == len(told["rows"]) == 8
    assert set(stored[stored["metric"] == "lse_d"]["evaluator"]) == {told["means"][1]["evaluator"]}
    in_table = query(database, "select psnr, num_clips from table_3 where method = 'external/acme'")
    assert in_table["num_clips"].tolist() == [1] and in_table["psnr"][0] > 25


def test_without_weights_lse_says_why_and_status_is_0_if_all_is_done(
    folder: Path, grid_clips: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frames, audio = grid_crops(grid_clips[0], 12)
    for name in ("acme", "true"):
        write_lossless(folder / name / "one.mkv", frames, audio)
    where = ["--generated", str(folder / "acme"), "--reference", str(folder / "true")]
    assert run(*where, "--name", "other-1.0") == 0
    shown = capsys.readouterr().out
    assert "no evaluator was given" in shown and "1 clips scored as external/other-1.0 of true" in shown
    rows = query(load_project().home.database, "select metric, value, detail from clip_metrics").set_index(
        "metric"
    )
    assert rows.loc["lse_c", "detail"].startswith("no evaluator")
    assert np.isnan(rows.loc["lse_d", "value"]) and rows.loc["ssim", "value"] == pytest.approx(1)
    (folder / "cals.yaml").write_text("datasets:\n  made: {layout: folder, root: raw, profile: tiny}\n")
    index = load_project().home.renders("made", "ground_truth") / "index.jsonl"
    index.parent.mkdir(parents=True)
    index.write_text(json.dumps({"key": "one", "clip_id": "made/test/1"}) + "\n")
    assert run(*where, "--dataset", "made") == 0
    ids = query(
        load_project().home.database, "select distinct dataset, method, clip_id from clip_metrics order by 1"
    )
    assert ids.values.tolist() == [
        ["made", "external/acme", "made/test/1"],
        ["true", "external/other-1.0", "one"],
    ]
    with pytest.raises(ValueError, match="can't be a name"):
        run(*where, "--name", "../x")
    with pytest.raises(ValueError, match="no dataset 'none'"):
        run(*where, "--dataset", "none")
