"""A withdrawn consent: recorded by content, with everything computed from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from assets.project.home import Home
from assets.project.settings import Project
from assets.store.withdrawals import (
    forgotten_hashes,
    record_withdrawal,
    version_without_forgotten,
    withdrawals,
)
from pipelines.forget import TAG, forget, mark_models
from pipelines.lineage.trace import LineageError
from tests.support.lineage_home import DATASET, SyntheticRun, make_project, raw_contents
from tests.support.model_registry import client_of, register_models

COPIED = f"{DATASET}/train/0"


def hash_of(path: str) -> str:
    return hashlib.sha256(raw_contents()[path]).hexdigest()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run with all its models registered."""
    made = make_project(tmp_path_factory.mktemp("forget"))
    SyntheticRun(made, "first").make_all()
    register_models(made)
    return made


def test_a_withdrawal_lists_and_marks_everything_computed_from_the_content(project: Project) -> None:
    raw = project.datasets[DATASET].root / "train" / "0.mp4"
    before = (raw.read_bytes(), raw.stat().st_mtime_ns)
    done = forget(project, COPIED, "the speaker withdrew consent on 2026-11-20")
    assert (raw.read_bytes(), raw.stat().st_mtime_ns) == before
    assert done.clips() == [COPIED]
    assert [(shard["path"], shard["num_clips"]) for shard in done.shards()] == [("train-00000.tar", 1)]
    assert {node["label"] for node in done.models()} >= {
        f"sync_encoder/{DATASET}",
        f"generator/{DATASET}/cals",
    }
    assert f"table_3/{DATASET}/cals/psnr" in {node["label"] for node in done.nodes("figure")}
    assert [node["label"] for node in done.nodes("report")] == [f"report/{DATASET}/index.html"]
    assert {"cals-sync-encoder/1", "cals-generator/1"} <= set(done.marked)
    tags = client_of(project).get_model_version("cals-generator", "1").tags
    assert tags[TAG] == f"{hash_of('train/0.mp4')[:16]}: the speaker withdrew consent on 2026-11-20"
    assert "left out from now on" in done.text() and done.as_json()["records"][0]["asked_for"] == COPIED


def test_the_record_says_who_why_and_where_the_copies_were(project: Project) -> None:
    forget(project, COPIED, "the speaker withdrew consent on 2026-11-20")
    (row,) = withdrawals(project.home)
    assert row["sha256"] == hash_of("train/0.mp4") and "@" in row["who"]
    assert '"copies/again.mp4"' in row["places_json"] and '"train/0.mp4"' in row["places_json"]
    assert forgotten_hashes(project.home) == {row["sha256"]: "the speaker withdrew consent on 2026-11-20"}


def test_marking_again_changes_nothing(project: Project) -> None:
    forget(project, COPIED, "the speaker withdrew consent on 2026-11-20")
    before = client_of(project).get_model_version("cals-generator", "1").tags
    assert (
        mark_models(project)[0] and client_of(project).get_model_version("cals-generator", "1").tags == before
    )


def test_a_copy_or_an_unseen_file_or_a_hash_is_withdrawn_alike(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_data()
    copy = project.datasets[DATASET].root / "copies" / "again.mp4"
    assert forget(project, str(copy), "a copy").clips() == [COPIED]
    unseen = tmp_path / "unseen.mp4"
    unseen.write_bytes(b"never given to a run")
    assert "nothing that is on record" in forget(project, str(unseen), "before it comes").text()
    assert hashlib.sha256(b"never given to a run").hexdigest() in forgotten_hashes(project.home)
    forget(project, hash_of("test/0.mp4"), "by hash")
    assert len(withdrawals(project.home)) == 3


def test_only_what_is_about_a_clip_or_a_file_can_be_withdrawn(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_data()
    with pytest.raises(LineageError, match="give --reason TEXT"):
        forget(project, COPIED, "  ")
    with pytest.raises(LineageError, match="forget takes a clip id"):
        forget(project, f"shards/{DATASET}", "all of it")
    with pytest.raises(LineageError, match="nothing on record"):
        forget(project, f"{DATASET}/train/9", "not there")
    assert withdrawals(project.home) == []


def test_only_the_dataset_that_holds_it_gets_another_version(tmp_path: Path) -> None:
    home = Home(tmp_path)
    hashes = pa.chunked_array([["a" * 64, None, "b" * 64]])
    assert version_without_forgotten(home, "v", hashes) == "v"
    record_withdrawal(home, "c" * 64, identifier="x", reason="r", places=[])
    assert version_without_forgotten(home, "v", hashes) == "v"
    record_withdrawal(home, "b" * 64, identifier="x", reason="r", places=[])
    without = version_without_forgotten(home, "v", hashes)
    assert without != "v" and without == version_without_forgotten(home, "v", hashes)


def test_the_first_reason_stands(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for reason in ("first", "second", "second"):
        record_withdrawal(home, "a" * 64, identifier="x", reason=reason, places=[])
    assert forgotten_hashes(home) == {"a" * 64: "first"} and len(withdrawals(home)) == 2
