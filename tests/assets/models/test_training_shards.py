"""Training across datasets: which shards are read, what a leak is, and what lineage shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assets.models.training_shards import training_shards
from assets.project.graph import STAGES, source_names
from assets.project.settings import Project
from assets.project.source_versions import TRAIN_ON, source_version
from assets.stage.run import MissingInput, StageRun
from assets.store import ledger
from assets.store.table_parts import part_path
from assets.workers.clip_pool import PoolSettings
from cals_models.training.__main__ import main
from pipelines.lineage.questions import trace
from tests.cals_models.training.small_jobs import write_job
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.support.lineage_home import SyntheticRun, make_project, sha256

OWN, OTHER = "own", "other"


def two_datasets(folder: Path, *, leak: bool = False) -> Project:
    """Shards of two datasets; ``own`` is trained on both. With a leak they hold the same raw files."""
    other = make_project(folder / "b", OTHER)
    own = make_project(folder / "a", OWN)
    datasets = {OWN: replace(own.datasets[OWN], train_on=(OTHER,)), OTHER: other.datasets[OTHER]}
    project = replace(own, datasets=datasets)
    for name in (OTHER, OWN):
        run = SyntheticRun(project, f"run of {name}", dataset=name)
        run.make_data()
    if not leak:
        _change_contents(project)
    return project


def _change_contents(project: Project) -> None:
    """Both datasets have the same few bytes; the other one's files get hashes of their own here."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (path,) = (project.home.warehouse / "contents" / OTHER).glob("*.parquet")
    for changed, column in (
        (path, "raw_sha256"),
        (part_path(project.home, "clip_inventory", OTHER), "sha256"),
    ):
        table = pq.read_table(changed, partitioning=None)
        hashes = [sha256(f"other {value}") for value in table[column].to_pylist()]
        index = table.column_names.index(column)
        pq.write_table(table.set_column(index, column, pa.array(hashes, pa.string())), changed)


def stage_run(project: Project, stage: str = "sync_encoder") -> StageRun:
    return StageRun(
        stage=stage,
        project=project,
        dataset=project.dataset(OWN),
        method=None,
        pool=PoolSettings(),
        heads=ledger.heads(project.home),
        dagster_run_id="run",
        tracking=None,
        log=print,
    )


def test_own_shards_come_first_and_the_ledger_names_each_set(tmp_path: Path) -> None:
    project = two_datasets(tmp_path)
    run = stage_run(project)
    assert training_shards(run) == [project.home.shards(OWN), project.home.shards(OTHER)]
    inputs = run.inputs()
    heads = ledger.heads(project.home)
    assert inputs[f"shards@{OTHER}"] == heads[("shards", OTHER, None)]["data_version"]
    assert TRAIN_ON not in inputs and inputs["shards"] == heads[("shards", OWN, None)]["data_version"]
    before = source_version(project, TRAIN_ON, OWN)
    (project.home.shards(OTHER) / "manifest.json").unlink()
    assert source_version(project, TRAIN_ON, OWN) != before
    assert source_version(project, TRAIN_ON, OTHER) == "none"


def test_only_trainings_read_other_datasets() -> None:
    reading = {name for name, stage in STAGES.items() if TRAIN_ON in source_names(stage)}
    assert reading == {"sync_encoder", "lse_evaluator", "audio_to_lip", "generator"}


def test_a_held_out_file_in_the_other_train_split_is_rejected(tmp_path: Path) -> None:
    project = two_datasets(tmp_path, leak=True)
    # the same raw files in both: train/0.. are own train clips too, val and test are not in the other's train split
    assert len(training_shards(stage_run(project))) == 2
    _swap_splits(project)
    with pytest.raises(
        ValueError, match=r"holds 3 raw files that own keeps for val or test .*change its splits"
    ):
        training_shards(stage_run(project))


def _swap_splits(project: Project) -> None:
    """All of the other dataset's clips become train clips."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (path,) = (project.home.warehouse / "contents" / OTHER).glob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    split = pa.array(["train"] * table.num_rows, pa.string())
    pq.write_table(table.set_column(table.column_names.index("split"), "split", split), path)


def test_shards_that_nobody_made_are_named(tmp_path: Path) -> None:
    project = two_datasets(tmp_path)
    run = stage_run(project)
    lacking = replace(run, heads={key: row for key, row in run.heads.items() if key[1] != OTHER})
    with pytest.raises(MissingInput, match="shards of other was never made; run: cals run --dataset other"):
        training_shards(lacking)


def test_lineage_leads_to_the_other_clips_and_back(tmp_path: Path) -> None:
    project = two_datasets(tmp_path)
    maker = SyntheticRun(project, "trained", dataset=OWN)
    heads = ledger.heads(project.home)
    for name in (OWN, OTHER):
        maker.versions["shards" if name == OWN else f"shards@{name}"] = heads[("shards", name, None)][
            "data_version"
        ]
    maker.record("sync_encoder", None, sha256("weights"), ["shards", f"shards@{OTHER}"])
    seen = trace(project, f"sync_encoder/{OWN}")
    by_dataset = {(row["dataset"], row["split"]) for row in seen.clips.to_pylist()}
    assert by_dataset == {(OWN, "train"), (OWN, "val"), (OTHER, "train")} and seen.notes == []
    for split, reached in (("train", True), ("val", False)):
        down = trace(project, f"{OTHER}/{split}/0", down=True)
        labels = {node["label"] for node in down.nodes.values()}
        assert (f"sync_encoder/{OWN}" in labels) is reached


def test_a_training_sees_clips_of_both_and_validates_on_its_own(tmp_path: Path) -> None:
    """Shards of the other dataset alone cannot be trained on: the sampler draws from both."""
    import json

    from cals_models.shards.shard_set import ShardSet
    from cals_models.training.clip_windows import validation_source
    from cals_models.training.sampler import ClipStream

    own = write_talking_shards(tmp_path / "own", num_clips={"train": 2, "val": 1, "test": 1})
    other = write_talking_shards(tmp_path / "other", num_clips={"train": 3, "val": 2, "test": 1})
    sets = [ShardSet(own), ShardSet(other)]
    assert ClipStream(sets, "train", seed=0, clip_cache_bytes=0).num_clips == 5
    assert validation_source(sets, clip_cache_bytes=0).num_clips == 1
    path = write_job(tmp_path, "sync_encoder", own, steps=1)
    job = json.loads(path.read_text())
    path.write_text(json.dumps(job | {"shards": [str(own), str(other)]}))
    assert main(["sync_encoder", "--config", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert set(result["shards"]) == {str(own), str(other)}
