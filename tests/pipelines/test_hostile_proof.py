"""Hostile files through `cals run --to shards`: the run goes on, and each file given is accounted for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cals_models.shards.shard_set import ShardSet
from tests.support.hostile_files import make_hostile_set
from tests.support.two_hundred import make_two_hundred

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = """
datasets:
  hostile: {layout: folder, root: hostile, profile: tiny, num_buckets: 6}
"""


def run_on(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the dataset that lies in the folder's ``hostile``."""
    (folder / "cals.yaml").write_text(CONFIG)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", "run", "--to", "shards"],
        cwd=folder,
        env=own | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse" / "cals.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_every_hostile_file_ends_as_clips_or_as_a_row(tmp_path: Path, grid_clips: list[Path]) -> None:
    num_mutated = int(os.environ.get("CALS_HOSTILE_FILES", "64"))
    given = make_hostile_set(tmp_path / "hostile", grid_clips, num_mutated=num_mutated)
    run_on(tmp_path)
    home = tmp_path / ".cals"
    paths = {path for (path,) in ask(home, "select path from raw_files")}
    assert len(paths) == len(given)
    rows = ask(home, "select path, clip_id, status, stage, reason, detail from clips")
    assert {path for path, *_ in rows} == paths
    accepted = {path for path, _, status, *_ in rows if status == "ok"}
    rejected = paths - accepted
    assert len(accepted) + len(rejected) == len(given)
    for path, _, status, stage, reason, detail in rows:
        assert status == "ok" or (stage and reason and detail), path
    in_shards = {clip_id for (clip_id,) in ask(home, "select clip_id from shard_clips")}
    whys = dict(ask(home, "select clip_id, stage || ': ' || reason from rejections"))
    assert not any("unexpected_error" in why for why in whys.values())
    assert in_shards == {clip_id for _, clip_id, status, *_ in rows if status == "ok"}
    assert set(whys) == {clip_id for _, clip_id, status, *_ in rows if status != "ok"}
    shards = ShardSet(home / "shards" / "hostile")
    assert in_shards == {c.clip_id for s in ("train", "val", "test") for c in shards.clips(s)}
    print(json.dumps({"given": len(given), "in_shards": len(in_shards), **Counter(whys.values())}))
    for stage in ("clips", "face_tracks"):
        assert (home / "stages" / stage / "hostile" / "pictures" / "rejected.png").stat().st_size > 1000


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_of_two_hundred_files_the_good_are_in_the_shards_and_each_other_is_one_row(
    tmp_path: Path, grid_clips: list[Path]
) -> None:
    good, others = make_two_hundred(tmp_path / "hostile", grid_clips)
    assert len(good) + len(others) == 200
    done = run_on(tmp_path)
    assert done.stderr.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    home = tmp_path / ".cals"
    assert {path for (path,) in ask(home, "select path from raw_files where path <> 'splits.csv'")} == {
        *good,
        *others,
    }
    rows = ask(home, "select path, clip_id, status, reason, detail from clips")
    assert len(rows) == 200 and all(detail for _, _, status, _, detail in rows if status != "ok")
    assert {path: reason for path, _, status, reason, _ in rows if status != "ok"} == others
    shards = ShardSet(home / "shards" / "hostile")
    in_shards = {clip.clip_id for split in ("train", "val", "test") for clip in shards.clips(split)}
    assert in_shards == {clip_id for path, clip_id, *_ in rows if path in good}
    assert len(in_shards) == len(good) == 188
