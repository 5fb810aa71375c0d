"""The hostile set through `cals run --to shards`: the run goes on, and each file given is accounted for."""

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

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = """
datasets:
  hostile: {layout: folder, root: hostile, profile: tiny, num_buckets: 6}
"""


def run_on(folder: Path, num_mutated: int, clips: list[Path]) -> list[Path]:
    given = make_hostile_set(folder / "hostile", clips, num_mutated=num_mutated)
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
    return given


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_every_hostile_file_ends_as_clips_or_as_a_row(tmp_path: Path, grid_clips: list[Path]) -> None:
    given = run_on(tmp_path, int(os.environ.get("CALS_HOSTILE_FILES", "240")), grid_clips)
    home = tmp_path / ".cals"
    with duckdb.connect(str(home / "warehouse" / "cals.duckdb"), read_only=True) as connection:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        paths = {path for (path,) in ask("select path from raw_files")}
        assert len(paths) == len(given)
        rows = ask("select path, clip_id, status, stage, reason, detail from clips")
        assert {path for path, *_ in rows} == paths
        accepted = {path for path, _, status, *_ in rows if status == "ok"}
        rejected = paths - accepted
        assert len(accepted) + len(rejected) == len(given)
        for path, _, status, stage, reason, detail in rows:
            assert status == "ok" or (stage and reason and detail), path
        in_shards = {clip_id for (clip_id,) in ask("select clip_id from shard_clips")}
        whys = dict(ask("select clip_id, stage || ': ' || reason from rejections"))
    assert in_shards == {clip_id for _, clip_id, status, *_ in rows if status == "ok"}
    assert set(whys) == {clip_id for _, clip_id, status, *_ in rows if status != "ok"}
    shards = ShardSet(home / "shards" / "hostile")
    assert in_shards == {c.clip_id for s in ("train", "val", "test") for c in shards.clips(s)}
    print(json.dumps({"given": len(given), "in_shards": len(in_shards), **Counter(whys.values())}))
    for stage in ("clips", "face_tracks"):
        assert (home / "stages" / stage / "hostile" / "pictures" / "rejected.png").stat().st_size > 1000
