"""Kill -9 at random moments of a run over GRID clips: the next run completes, redoes what was open, same bytes.

A few clips of GRID in a few buckets stand for the whole, so that the proof lasts minutes. Each trial begins with
an empty home. A run is killed with all its workers at a moment drawn from the duration of an uninterrupted run;
the run after it is killed too; the third completes.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from assets import ledger
from assets.buckets import KEY_COLUMNS, bucket_of
from assets.home import Home

PROJECT = Path(__file__).resolve().parents[2]
NUM_CLIPS, NUM_BUCKETS = 24, 4
NUM_KILLS, KILLS_A_TRIAL = 20, 2
SEED = 0
FACES = ("face_tracks", "face_crops")
PASSES = {"face_tracks": FACES, "face_crops": FACES, "mels": ("mels",)}
POOLED = ("clips", *PASSES)
CONFIG = f"""
datasets:
  grid: {{layout: grid, root: grid, profile: tiny, num_buckets: {NUM_BUCKETS}}}
"""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Bucket files under their final names, as a kill left them: path -> (inode, modification time, clip ids)."""

    kept: dict[Path, tuple[int, int, frozenset[str]]]

    @classmethod
    def of(cls, home: Home) -> Files:
        kept = {}
        for path in sorted((home.root / "stages").glob("*/grid/[0-9]*.parquet")):
            ids = pq.read_table(path, columns=KEY_COLUMNS)["clip_id"].to_pylist()
            kept[path] = (path.stat().st_ino, path.stat().st_mtime_ns, frozenset(ids))
        return cls(kept=kept)

    def num_clips(self, stage: str) -> int:
        return sum(len(ids) for path, (*_, ids) in self.kept.items() if path.parts[-3] == stage)


def start(folder: Path, home: Path) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    log = (folder / f"{home.name}.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "--dataset", "grid", "--to", "shards"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT), "CALS_HOME": str(home), "CALS_NUM_WORKERS": "2"},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def finish(folder: Path, home: Path) -> float:
    """Runs to the end; returns the seconds it took."""
    begun = time.monotonic()
    status = start(folder, home).wait()
    assert status == 0, (folder / f"{home.name}.log").read_text(errors="replace")[-4000:]
    return time.monotonic() - begun


def kill_after(folder: Path, home: Path, seconds: float) -> bool:
    """Starts a run and kills it with all its workers; False if it was done before."""
    run = start(folder, home)
    try:
        run.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    assert run.returncode == 0
    return False


def shards_of(home: Path) -> dict[str, str]:
    paths = [path for path in (home / "shards" / "grid").iterdir() if not path.name.startswith(".")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def computed(home: Home) -> dict[str, int]:
    """Clips computed by the last materialisation of each stage that counts them."""
    heads = ledger.heads(home)
    counts = {stage: heads[(stage, "grid", None)]["counts_json"] for stage in PASSES}
    return {stage: json.loads(text)["computed"] for stage, text in counts.items()}


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_kills_lose_no_finished_bucket_and_change_no_byte(tmp_path: Path, grid_clips: list[Path]) -> None:
    folder = tmp_path / "project"
    (folder / "grid" / "s1").mkdir(parents=True)
    for clip in grid_clips[:NUM_CLIPS]:
        shutil.copy(clip, folder / "grid" / "s1" / clip.name)
    (folder / "cals.yaml").write_text(CONFIG)
    duration_s = finish(folder, tmp_path / "whole")
    expected = shards_of(tmp_path / "whole")
    assert sum(name.endswith(".tar") for name in expected) >= NUM_BUCKETS
    rng = random.Random(SEED)
    num_kills, num_trials, num_open = 0, 0, 0
    while num_kills < NUM_KILLS:
        root = tmp_path / f"trial{num_trials}"
        num_trials += 1
        for _ in range(KILLS_A_TRIAL):
            before = Files.of(Home(root))
            num_kills += kill_after(folder, root, rng.uniform(0.05, 0.95) * duration_s)
            check_kept(before, root)
        before = Files.of(Home(root))
        num_open += sum(before.num_clips(stage) < NUM_CLIPS for stage in POOLED)
        earlier = set(ledger.heads(Home(root)))
        finish(folder, root)
        check_kept(before, root)
        assert shards_of(root) == expected
        for stage, count in computed(Home(root)).items():
            if (stage, "grid", None) not in earlier:
                assert count == NUM_CLIPS - min(before.num_clips(s) for s in PASSES[stage]), stage
        shutil.rmtree(root)
    print(json.dumps({"kills": num_kills, "trials": num_trials, "stages_cut": num_open, "run_s": duration_s}))
    assert num_open > 0, "no kill hit a stage at work; give other moments"


def check_kept(before: Files, root: Path) -> None:
    """Buckets that were done are as they were; each file under a final name can be read."""
    after = Files.of(Home(root))
    assert {path: after.kept.get(path) for path in before.kept} == before.kept
    for path, (*_, ids) in after.kept.items():
        if path.parts[-3] != "clips":
            assert {bucket_of(clip_id, NUM_BUCKETS) for clip_id in ids} <= {int(path.stem)}
