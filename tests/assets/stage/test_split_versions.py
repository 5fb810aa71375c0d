"""What a training reads of a shard set: the splits whose digest is its input's version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.project.graph import STAGES
from assets.project.home import Home
from assets.stage.split_versions import split_version, splits_read
from cals_models.shards.shard_format import manifest_digest

TRAININGS = ("sync_encoder", "audio_to_lip", "generator", "lse_evaluator")


def write_manifest(home: Home, **sha256: str) -> str:
    """A shard set of one shard a split; returns its data version."""
    shards = {
        split: [
            {"path": f"{split}-00000.tar", "num_clips": 1, "num_frames": 1, "bytes": 1, "sha256": of * 64}
        ]
        for split, of in sha256.items()
    }
    digest = manifest_digest((row["path"], row["sha256"]) for rows in shards.values() for row in rows)
    plain = {
        "format": 1,
        "dataset": "one",
        "digest": digest,
        "splits": {k: {"shards": v} for k, v in shards.items()},
    }
    home.shards("one").mkdir(parents=True, exist_ok=True)
    (home.shards("one") / "manifest.json").write_text(json.dumps(plain))
    return digest


@pytest.mark.parametrize("stage", TRAININGS)
def test_a_training_reads_train_and_val_of_its_own_and_train_of_others(stage: str) -> None:
    read = splits_read(STAGES[stage], ["two"])
    assert read == {"shards": ("", ("train", "val")), "shards@two": ("two", ("train",))}


def test_other_stages_read_all() -> None:
    assert [name for name, stage in STAGES.items() if splits_read(stage, [])] == list(TRAININGS)


def test_only_the_splits_that_are_read_count(tmp_path: Path) -> None:
    home = Home(tmp_path)
    version = write_manifest(home, train="a", val="b", test="c")
    before = split_version(home, "one", version, ("train", "val"))
    version = write_manifest(home, train="a", val="b", test="d")
    assert split_version(home, "one", version, ("train", "val")) == before
    version = write_manifest(home, train="a", val="e", test="d")
    assert split_version(home, "one", version, ("train", "val")) != before
    assert split_version(home, "one", version, ("train",)) != before


def test_where_the_files_are_not_those_of_the_version_all_of_it_counts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert split_version(home, "one", "version", ("train",)) == "version"
    write_manifest(home, train="a", val="b", test="c")
    assert split_version(home, "one", "another", ("train",)) == "another"
    (home.shards("one") / "manifest.json").write_text("{damaged")
    assert split_version(home, "one", "version", ("train",)) == "version"
