"""Kill -9 at random moments of runs, also within a publish: the next run repairs, says so, and ends with the same bytes.

A few clips of GRID in a few buckets and a training of a few steps stand for the whole. Each trial begins with an empty
home. Its runs are killed one after the other, each continuing where the one before was killed, so that the moments are
spread along the graph; one of them is aimed at a stage between two buckets, and one at a publish. Then a run completes, and ledger, files, warehouse, Dagster's
storage and MLflow's are compared, each read through its own interface.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from assets.project.home import Home
from assets.project.settings import load_project
from assets.stage.partitions import partition_key
from assets.store import ledger
from assets.store.bucket_files import KEY_COLUMNS, bucket_of
from assets.store.mlflow_tracking import EXPERIMENT, Tracking, alias_of
from assets.store.warehouse import query
from pipelines.repair.dagster_storage import UNFINISHED
from pipelines.repair.repair import find_flaws
from tests.support.killed_runs import Runs
from tests.support.model_registry import empty_database
from tests.support.split_clips import add_clip

NUM_CLIPS, NUM_BUCKETS = 6, 2
NUM_KILLS = int(os.environ.get("CALS_KILLS", "30"))
KILLS_A_TRIAL = 5
AT_WORK, AT_PUBLISH = 0, 2  # which kills of a trial are aimed: at a stage between two buckets, at a publish
LONGEST_PUBLISH_S = 0.3
EARLIEST_S, LATEST_SHARE = 0.3, 0.3
SEED = int(os.environ.get("CALS_KILLS_SEED", "0"))
FACES = ("face_tracks", "face_crops")
PASSES = {"face_tracks": FACES, "face_crops": FACES, "mels": ("mels",)}
POOLED = ("clips", *PASSES)
STEPS = 12
CONFIG = f"""
datasets:
  grid:
    layout: folder
    root: grid
    profile: tiny
    num_buckets: {NUM_BUCKETS}
    settings:
      sync_encoder:
        {{steps: {STEPS}, validate_every_steps: {STEPS}, validation_clips: 1, checkpoint_every_steps: 2, log_every_steps: 1}}
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


def made_of(home: Home) -> dict[str, str]:
    """Digest of each shard file, and of the trained weights."""
    paths = [path for path in home.shards("grid").iterdir() if not path.name.startswith(".")]
    paths += home.root.glob("models/grid/sync_encoder/*/model.safetensors")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def computed(home: Home) -> dict[str, int]:
    """Clips computed by the last materialisation of each stage that counts them."""
    heads = ledger.heads(home)
    counts = {stage: heads[(stage, "grid", None)]["counts_json"] for stage in PASSES}
    return {stage: json.loads(text)["computed"] for stage, text in counts.items()}


def in_a_publish(home: Home, delay_s: float) -> Callable[[float], bool]:
    """Becomes true ``delay_s`` after a warehouse began to be built."""
    seen: list[float] = []

    def is_time(_: float) -> bool:
        if not seen and any(home.warehouse.glob(".publishing-*")):
            seen.append(time.monotonic())
        return bool(seen) and time.monotonic() >= seen[0] + delay_s

    return is_time


def between_buckets(home: Home, stage: str) -> Callable[[float], bool]:
    """Is true while some of a stage's buckets are written and others are not."""
    folder = home.root / "stages" / stage / "grid"
    return lambda _: 0 < len(list(folder.glob("[0-9]*.parquet"))) < NUM_BUCKETS


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_kills_lose_nothing_and_the_next_run_repairs(
    tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    for number, clip in enumerate(grid_clips[:NUM_CLIPS]):
        add_clip(folder / "grid", clip, ("val", "test", "train")[min(number, 2)])
    (folder / "cals.yaml").write_text(CONFIG)
    for name in ("DAGSTER_HOME", "CALS_HOME"):
        monkeypatch.setenv(name, "set by each home")
    runs = Runs(folder, ["--dataset", "grid", "--to", "sync_encoder"])
    whole = new_home(tmp_path / "whole")
    duration_s = runs.finish(whole.root)
    expected = made_of(whole)
    assert sum(name.endswith(".tar") for name in expected) >= NUM_BUCKETS
    assert_all_agree(folder, whole)
    rng = random.Random(SEED)
    num_kills, num_in_publish, num_trials, num_open, repaired = 0, 0, 0, 0, Counter[str]()
    while num_kills < NUM_KILLS:
        home = new_home(tmp_path / f"trial{num_trials}")
        num_trials += 1
        for number in range(min(KILLS_A_TRIAL, NUM_KILLS - num_kills)):
            before = Files.of(home)
            if number == AT_WORK:
                moment = between_buckets(home, rng.choice(("face_tracks", "mels")))
            elif number == AT_PUBLISH:
                moment = in_a_publish(home, rng.uniform(0.0, LONGEST_PUBLISH_S))
            else:
                at_s = rng.uniform(EARLIEST_S, LATEST_SHARE * duration_s)
                moment = at_s.__le__
            was_killed = runs.kill_when(home.root, moment)
            num_kills += was_killed
            num_in_publish += was_killed and any(home.warehouse.glob(".publishing-*"))
            check_kept(before, home)
            num_open += any(0 < Files.of(home).num_clips(stage) < NUM_CLIPS for stage in POOLED)
            if not was_killed:
                break
        before, earlier = Files.of(home), set(ledger.heads(home))
        runs.finish(home.root)
        check_kept(before, home)
        assert made_of(home) == expected
        for stage, count in computed(home).items():
            if (stage, "grid", None) not in earlier:
                assert count == NUM_CLIPS - min(before.num_clips(s) for s in PASSES[stage]), stage
        assert_all_agree(folder, home)
        said = runs.log(home.root)
        repaired.update(
            line.split(": ")[1].split(" (")[0] for line in said.splitlines() if "repaired: " in line
        )
        assert "Traceback" not in said and "repaired: a run was killed while it worked" in said
        runs.finish(home.root)
        assert runs.log(home.root).endswith("nothing is stale: nothing to do\n")
        shutil.rmtree(home.root)
    summary = {"kills": num_kills, "in_publish": num_in_publish, "trials": num_trials, "stages_cut": num_open}
    print(json.dumps(summary | {"run_s": round(duration_s, 1), "repaired": sum(repaired.values())}))
    assert num_open > 0, "no kill hit a stage between two buckets"
    assert num_in_publish > 0, "no kill hit a publish; give other moments"


def new_home(root: Path) -> Home:
    """An empty home but for MLflow's empty tables, which take longer to make than all else."""
    home = Home(root)
    home.mlflow.mkdir(parents=True)
    (home.mlflow / "mlflow.db").write_bytes(empty_database())
    return home


def check_kept(before: Files, home: Home) -> None:
    """Buckets that were done are as they were; each file under a final name can be read."""
    after = Files.of(home)
    assert {path: after.kept.get(path) for path in before.kept} == before.kept
    for path, (*_, ids) in after.kept.items():
        if path.parts[-3] != "clips":
            assert {bucket_of(clip_id, NUM_BUCKETS) for clip_id in ids} <= {int(path.stem)}


def assert_all_agree(folder: Path, home: Home) -> None:
    """Ledger, warehouse, Dagster and MLflow agree, each read through its own interface; so does doctor."""
    rows, heads = ledger.read(home), ledger.heads(home)
    published = query(home.database, "select materialization_id from materializations")
    assert set(published["materialization_id"]) == {row["materialization_id"] for row in rows}
    current = query(home.database, "select asset, data_version from current_materializations")
    assert dict(current.itertuples(index=False)) == {of[0]: row["data_version"] for of, row in heads.items()}
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    with DagsterInstance.get() as instance:
        for (asset, dataset, method), row in heads.items():
            record = instance.fetch_materializations(
                dg.AssetRecordsFilter(
                    asset_key=dg.AssetKey(asset), asset_partitions=[str(partition_key(dataset, method))]
                ),
                limit=1,
            ).records[0]
            version = record.event_log_entry.tags["dagster/data_version"]
            assert (record.run_id, version) == (row["dagster_run_id"], row["data_version"]), asset
        assert not instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        assert {run.status for run in instance.get_runs()} <= {
            DagsterRunStatus.SUCCESS,
            DagsterRunStatus.FAILURE,
        }
        project = load_project(folder / "cals.yaml", home.root)
        assert find_flaws(project, instance) == []
    client = Tracking(home.mlflow).client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    model = heads[("sync_encoder", "grid", None)]
    statuses = {run.info.run_id: run.info.status for run in client.search_runs([experiment.experiment_id])}
    assert statuses.pop(model["mlflow_run_id"]) == "FINISHED" and "RUNNING" not in statuses.values()
    version = client.get_model_version_by_alias("cals-sync-encoder", alias_of("grid", None))
    assert (version.run_id, version.tags["weights_sha256"]) == (model["mlflow_run_id"], model["data_version"])
