"""Two runs at once on two datasets, and four readers who query all the while: nothing is lost, nobody waits or fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.project.settings import load_project
from assets.store import ledger
from assets.store.warehouse import query
from pipelines.instance import open_instance
from pipelines.repair.repair import find_flaws
from tests.support.split_clips import add_clip

PROJECT = Path(__file__).resolve().parents[2]
NUM_READERS, NUM_CLIPS = 4, 3
DATASETS = ("one", "two")
STAGES = {"clips", "face_tracks", "face_crops", "mels", "av_offsets", "shards", "sync_encoder"}
CONFIG = """
settings:
  sync_encoder: {steps: 2, validate_every_steps: 2, validation_clips: 1}
datasets:
  one: {layout: folder, root: one, profile: tiny, num_buckets: 1}
  two: {layout: folder, root: two, profile: tiny, num_buckets: 1}
"""
# An analyst's own client: DuckDB and nothing else. Tables of a stage are there whole before its row of the ledger is.
READER = f"""
import json, sys, time
from pathlib import Path
import duckdb
database, stop = Path(sys.argv[1]), Path(sys.argv[2])
TABLES = {{"clips": "clip_inventory", "face_tracks": "face_tracks", "shards": "shard_clips"}}
reads, longest_s, seen = 0, 0.0, {{}}
while not stop.exists():
    time.sleep(0.05)  # the runs need the processor too; test_warehouse has readers that never pause
    if not database.exists():
        continue
    begun = time.monotonic()
    with duckdb.connect(str(database), read_only=True) as connection:
        made = set(connection.execute("select asset, dataset, method from materializations").fetchall())
        rows = {{
            (asset, dataset): number
            for asset, table in TABLES.items()
            for dataset, number in connection.execute(f"select dataset, count(*) from {{table}} group by 1").fetchall()
        }}
        views = connection.execute("select count(*) from table_3").fetchone()
    longest_s = max(longest_s, time.monotonic() - begun)
    assert all(number == {NUM_CLIPS} for number in rows.values()), f"half a batch: {{rows}}"
    assert all((asset, dataset) in rows for asset, dataset, _ in made if asset in TABLES), (made, rows)
    assert seen.get("made", set()) <= made and seen.get("rows", set()) <= rows.keys(), "went backwards"
    seen = {{"made": made, "rows": set(rows)}}
    reads += 1
print(json.dumps([reads, len(seen.get("made", ())), longest_s]))
"""


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT), "CALS_NUM_WORKERS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_two_runs_lose_nothing_and_readers_never_wait(
    tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, dataset in enumerate(DATASETS):
        for number, split in enumerate(("train", "val", "test")):
            add_clip(tmp_path / dataset, grid_clips[place * NUM_CLIPS + number], split)
    (tmp_path / "cals.yaml").write_text(CONFIG)
    home = Home(tmp_path / ".cals")
    stop = tmp_path / "stop"
    readers = [start(tmp_path, "-c", READER, str(home.database), str(stop)) for _ in range(NUM_READERS)]
    try:
        runs = [
            start(tmp_path, "-m", "pipelines.cli.main", "run", "--dataset", dataset, "--to", "sync_encoder")
            for dataset in DATASETS
        ]
        ended = [(run.communicate(), run.returncode) for run in runs]
    finally:
        stop.touch()
    answers = [(reader.communicate(), reader.returncode) for reader in readers]
    for (out, error), status in ended:
        assert status == 0 and f"made {len(STAGES)}, failed 0" in out, error
    for (out, error), status in answers:
        assert status == 0, error
        reads, num_made, longest_s = json.loads(out)
        assert reads >= 20 and num_made > 0 and longest_s < 20.0
    print(json.dumps({"reads": [json.loads(out)[0] for (out, _), _ in answers]}))
    monkeypatch.setenv("CALS_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    wanted = {(stage, dataset, None) for stage in STAGES for dataset in DATASETS}
    assert set(ledger.heads(home)) == wanted and len(ledger.read(home)) == len(wanted)
    published = query(home.database, "select asset, dataset from materializations")
    assert set(published.itertuples(index=False, name=None)) == {of[:2] for of in wanted}
    project = load_project(tmp_path / "cals.yaml", home.root)
    with open_instance(project) as instance:
        assert find_flaws(project, instance) == []


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_two_runs_on_one_dataset_make_each_partition_once(tmp_path: Path, grid_clips: list[Path]) -> None:
    for number, split in enumerate(("train", "val", "test")):
        add_clip(tmp_path / "one", grid_clips[number], split)
    (tmp_path / "cals.yaml").write_text(CONFIG.rsplit("  two:", 1)[0])
    home = Home(tmp_path / ".cals")
    command = ("-m", "pipelines.cli.main", "run", "--to", "sync_encoder")
    runs = [start(tmp_path, *command) for _ in range(2)]
    ended = [(run.communicate(), run.returncode) for run in runs]
    made = [out.split("made ")[1].split(",")[0] if "made " in out else "0" for (out, _), _ in ended]
    for (_, error), status in ended:
        assert status == 0, error
    rows = [row["asset"] for row in ledger.read(home)]
    assert sorted(rows) == sorted(STAGES), "a row for each partition"
    assert sum(map(int, made)) == len(STAGES), "what one run made the other did not"
    assert "waits for process" in ended[0][0][1] + ended[1][0][1]
    trainings = [path for path in home.model("sync_encoder", "one").iterdir() if path.is_dir()]
    assert len(trainings) == 1
