"""Versions of small tables stay when their parts are replaced, and each can be queried with what wrote it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from assets.project.code_version import CodeVersion
from assets.project.home import Home
from assets.store import ledger
from assets.store.kept_parts import adopt_parts, digest_in_name, find_kept, keep_parts, take_out_clips
from assets.store.table_parts import part_path, read_part, trained_part, write_part
from assets.store.warehouse import publish, query

CODE = CodeVersion(digest="c0de", definitions={}, libraries={})


def score(value: float, clip: str = "a") -> dict[str, Any]:
    row = {"dataset": "d", "method": "cals", "clip_id": clip, "audio": "own", "protocol": "primary"}
    return row | {"metric": "lmd", "value": value, "evaluator": "dlib", "detail": None}


def record(home: Home, asset: str, data_version: str, method: str | None = "cals", **changes: Any) -> str:
    entry = ledger.Entry(
        asset=asset,
        dataset="d",
        method=method,
        data_version=data_version,
        code_version=changes.pop("code_version", "c0de"),
        settings={},
        inputs={},
        dagster_run_id="r",
        duration_s=1.0,
        **changes,
    )
    return ledger.append(home, entry, CODE)


def measure(home: Home, *values: float, **changes: Any) -> str:
    rows = [score(value, clip) for clip, value in zip("abc", values, strict=False)]
    write_part(home, "clip_metrics", rows, dataset="d", method="cals")
    return record(home, "clip_metrics", f"v{values[0]}", **changes)


def kept(home: Home) -> list[str]:
    return sorted(path.name for path in home.history.rglob("*.parquet"))


def test_each_version_is_in_the_history_with_what_wrote_it_and_the_newest_in_the_view(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ids = [measure(home, value, code_version=f"code{value}") for value in (3.0, 2.0, 1.0)]
    database = publish(home)
    history = query(database, "select * from clip_metrics_history order by finished_at")
    assert history["value"].tolist() == [3.0, 2.0, 1.0]
    assert history["materialization_id"].tolist() == ids
    assert history["data_version"].tolist() == ["v3.0", "v2.0", "v1.0"]
    assert history["code_version"].tolist() == ["code3.0", "code2.0", "code1.0"]
    assert history["is_current"].tolist() == [False, False, True]
    assert query(database, "select value from clip_metrics")["value"].tolist() == [1.0]


def test_the_view_has_the_columns_that_the_table_had(tmp_path: Path) -> None:
    found = query(publish(Home(tmp_path)), "select * from models")
    assert found.columns[:4].tolist() == ["dataset", "asset", "method", "weights_sha256"]
    assert len(found.columns) == 15 and "materialization_id" not in found.columns


def test_an_unchanged_run_adds_no_file_and_no_version(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = measure(home, 3.0)
    files = kept(home)
    measure(home, 3.0)
    assert kept(home) == files
    history = query(publish(home), "select materialization_id from clip_metrics_history")
    assert history["materialization_id"].tolist() == [first]


def test_values_that_come_back_are_a_version_of_their_own_and_stored_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ids = [measure(home, value) for value in (3.0, 2.0, 3.0)]
    assert len(kept(home)) == 2
    history = query(publish(home), "select * from clip_metrics_history order by finished_at")
    assert history["materialization_id"].tolist() == ids
    assert history["is_current"].tolist() == [False, False, True]


def test_models_and_curves_of_every_training_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ids = []
    for steps in (10, 20, 30):
        whose = {"dataset": "d", "asset": "generator", "method": "cals"}
        name, weights = trained_part("generator", "cals"), f"w{steps}"
        curve = [{**whose, "step": step, "split": "train", "metric": "loss", "value": 1 / step,
                  "model_version": weights} for step in range(10, steps + 1, 10)]  # fmt: skip
        write_part(home, "training_curves", curve, dataset="d", method=name)
        write_part(
            home, "models", [{**whose, "weights_sha256": weights, "steps": steps}], dataset="d", method=name
        )
        ids.append(record(home, "generator", weights))
    database = publish(home)
    models = query(database, "select * from models_history order by steps")
    assert models["materialization_id"].tolist() == ids
    assert models["is_current"].tolist() == [False, False, True]
    steps = query(
        database, "select model_version, max(step) as last from training_curves_history group by 1 order by 1"
    )
    assert steps["last"].tolist() == [10, 20, 30]
    assert query(database, "select count(*) as n from training_curves")["n"][0] == 3


def test_other_assets_keep_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_part(home, "shards", [{"dataset": "d", "path": "train-00000.tar"}], dataset="d")
    record(home, "shards", "s", None)
    assert kept(home) == []
    assert ledger.read(home)[0]["parts_json"] == "{}"


def test_a_part_without_a_row_in_the_ledger_is_current_and_of_no_version(tmp_path: Path) -> None:
    home = Home(tmp_path)
    measure(home, 3.0)
    write_part(home, "clip_metrics", [score(2.0)], dataset="d", method="cals")
    history = query(
        publish(home), "select value, data_version, is_current from clip_metrics_history order by value"
    )
    assert history["value"].tolist() == [2.0, 3.0]
    assert history["is_current"].tolist() == [True, False]
    assert history["data_version"].isna().tolist() == [True, False]


def without_parts(home: Home) -> dict[str, Any]:
    """Makes the last ledger row one of an earlier version of the program: no parts on record, none kept."""
    import pyarrow.parquet as pq

    (path,) = (home.parts / ledger.TABLE).glob("*.parquet")
    pq.write_table(read_part(path).drop_columns("parts_json"), path)
    for file in home.history.rglob("*.parquet"):
        file.unlink()
    return ledger.heads(home)[("clip_metrics", "d", "cals")]


def test_the_last_version_of_an_older_program_is_kept_before_it_is_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = measure(home, 3.0)
    head = without_parts(home)
    found = query(publish(home), "select materialization_id, is_current from clip_metrics_history")
    assert found.values.tolist() == [[old, True]]
    adopt_parts(home, head)
    new = measure(home, 2.0)
    found = query(
        publish(home), "select materialization_id, value from clip_metrics_history order by finished_at"
    )
    assert found.values.tolist() == [[old, 3.0], [new, 2.0]]


def test_a_part_newer_than_the_row_of_an_older_program_is_not_taken_for_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    measure(home, 3.0)
    head = without_parts(home)
    later = head["at"].timestamp() + 60
    os.utime(part_path(home, "clip_metrics", "d", "cals"), (later, later))
    adopt_parts(home, head)
    assert kept(home) == []


def test_kept_parts_carry_the_digest_of_their_bytes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    measure(home, 3.0)
    digests = keep_parts(home, "clip_metrics", "d", "cals")
    path = find_kept(home, "clip_metrics", digests["clip_metrics"])
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest_in_name(path) == digests["clip_metrics"]


def test_the_rows_of_some_clips_can_be_taken_out_of_a_kept_part(tmp_path: Path) -> None:
    home = Home(tmp_path)
    measure(home, 3.0, 2.0, 1.0)
    old = find_kept(home, "clip_metrics", keep_parts(home, "clip_metrics", "d", "cals")["clip_metrics"])
    measure(home, 9.0)
    assert old is not None
    assert take_out_clips(old, {"z"}) == old
    left = take_out_clips(old, {"a", "c"})
    assert not old.exists() and digest_in_name(left) != old.stem
    assert hashlib.sha256(left.read_bytes()).hexdigest() == digest_in_name(left)
    history = query(publish(home), "select clip_id, value from clip_metrics_history where not is_current")
    assert history.values.tolist() == [["b", 2.0]]


def test_a_kept_part_that_was_removed_is_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    measure(home, 3.0)
    measure(home, 2.0)
    for path in home.history.rglob("*.parquet"):
        path.unlink()
    assert query(publish(home), "select value from clip_metrics_history")["value"].tolist() == [2.0]


@pytest.mark.parametrize("method", ["external/acme", "cals"])
def test_videos_of_other_systems_are_versioned_too(tmp_path: Path, method: str) -> None:
    home = Home(tmp_path)
    for value in (1.0, 2.0):
        write_part(home, "clip_metrics", [score(value) | {"method": method}], dataset="d", method=method)
        record(home, "clip_metrics", f"v{value}", method)
    assert len(query(publish(home), "from clip_metrics_history")) == 2
