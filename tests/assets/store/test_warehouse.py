"""Publishing: atomic, strict about parts that do not fit, and never blocking a reader."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.project.home import Home
from assets.store.table_parts import part_path, write_part
from assets.store.warehouse import STORAGE_VERSION, WarehouseError, connect, publish, query
from tests.support import warehouse_rows


def metric_row(**changes: Any) -> dict[str, Any]:
    row = {"dataset": "d", "method": "cals", "clip_id": "d/test/a", "audio": "own", "protocol": "primary"}
    return row | {"metric": "lmd", "value": 1.5, "evaluator": "dlib", "detail": None} | changes


def test_an_empty_home_publishes_every_table(tmp_path: Path) -> None:
    database = publish(Home(tmp_path))
    assert database == tmp_path / "warehouse" / "cals.duckdb"
    assert query(database, "select count(*) as n from clips")["n"][0] == 0
    assert query(database, "select count(*) as n from table_3")["n"][0] == 18
    assert sorted(p.name for p in database.parent.iterdir() if p.suffix == ".duckdb") == ["cals.duckdb"]


def test_extra_columns_are_ignored_and_missing_ones_are_null(tmp_path: Path) -> None:
    home = Home(tmp_path)
    row = metric_row(later_idea=3)
    del row["detail"], row["evaluator"]
    write_part(home, "clip_metrics", [row], dataset="d", method="cals")
    write_part(home, "clip_metrics", [metric_row(method="a2l", value=2)], dataset="d", method="a2l")
    write_part(home, "no_such_table", [{"x": 1}], dataset="d")
    found = query(publish(home), "select method, value, detail from clip_metrics order by method")
    assert found["value"].tolist() == [2.0, 1.5]
    assert found["detail"].isna().all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (metric_row(value="high"), "column value holds string; clip_metrics wants number"),
        (metric_row(method=None), "lacks the column method, which clip_metrics requires"),
        (metric_row(detail=["a"]), "column detail holds list"),
    ],
)
def test_a_part_that_does_not_fit_is_named_and_the_old_file_stays(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    home = Home(tmp_path)
    write_part(home, "clip_metrics", [metric_row()], dataset="d", method="cals")
    before = publish(home).read_bytes()
    write_part(home, "clip_metrics", [row], dataset="d", method="bad")
    with pytest.raises(WarehouseError, match=message) as error:
        publish(home)
    assert str(part_path(home, "clip_metrics", "d", "bad")) in str(error.value)
    assert home.database.read_bytes() == before
    assert not list(home.warehouse.glob(".publishing-*"))


def test_a_null_in_a_required_column_names_the_part(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name, clip in (("good", "a"), ("bad", None)):
        rows = [metric_row(clip_id="x" + name), metric_row(clip_id=clip)]
        write_part(home, "clip_metrics", rows, dataset="d", method=name)
    with pytest.raises(WarehouseError, match=r"d__bad\.parquet: does not fit the table clip_metrics"):
        publish(home)


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = part_path(home, "shards", "d")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not parquet")
    with pytest.raises(WarehouseError, match=r"d\.parquet: not a Parquet file"):
        publish(home)


def test_contradicting_rows_are_rejected_but_equal_ones_count_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_part(home, "clip_metrics", [metric_row()], dataset="d", method="cals")
    write_part(home, "clip_metrics", [metric_row()], dataset="d", method="copy")
    assert len(query(publish(home), "from clip_metrics")) == 1
    write_part(home, "clip_metrics", [metric_row(value=9.0)], dataset="d", method="copy")
    with pytest.raises(WarehouseError, match="clip_metrics: several rows have dataset = d, method = cals"):
        publish(home)


def test_left_overs_of_a_killed_publish_are_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    left_over = home.warehouse / ".publishing-dead" / "cals.duckdb"
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"half")
    publish(home)
    assert not left_over.parent.exists()


def test_a_publish_killed_midway_leaves_the_previous_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    warehouse_rows.fill_scores(home, warehouse_rows.fill_inventory(home))
    publish(home)
    before = home.database.read_bytes()
    code = (
        "import sys, assets.store.warehouse as w; from pathlib import Path; from assets.project.home import Home\n"
        "def die(*args): import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
        "w._fill_intervals = die; w.publish(Home(Path(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert home.database.read_bytes() == before
    publish(home)
    assert not list(home.warehouse.glob(".publishing-*"))


def test_a_reader_can_not_write(tmp_path: Path) -> None:
    database = publish(Home(tmp_path))
    with pytest.raises(duckdb.Error, match="read-only"):
        query(database, "insert into shards (dataset, path) values ('d', 'p')")
    with pytest.raises(duckdb.Error):
        query(database, f"copy (select 1) to '{tmp_path / 'out.csv'}'")
    assert not (tmp_path / "out.csv").exists()


def test_values_are_bound(tmp_path: Path) -> None:
    database = publish(Home(tmp_path))
    found = query(database, "select ? as text", ["'; drop table clips; --"])
    assert found["text"][0] == "'; drop table clips; --"


def test_a_missing_or_broken_database_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="there is no warehouse yet"):
        connect(tmp_path / "cals.duckdb")
    (tmp_path / "cals.duckdb").write_bytes(b"something else, long enough to be read as a header" * 400)
    with pytest.raises(WarehouseError, match="not a readable DuckDB file"):
        connect(tmp_path / "cals.duckdb")


def test_a_new_connection_sees_the_new_file_while_an_old_one_is_open(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with connect(publish(home)) as old:
        write_part(home, "clip_metrics", [metric_row()], dataset="d")
        publish(home)
        assert old.execute("select count(*) from clip_metrics").fetchone() == (0,)
        assert len(query(home.database, "from clip_metrics")) == 1


def test_the_file_is_in_a_storage_version_of_duckdb_1(tmp_path: Path) -> None:
    database = publish(Home(tmp_path))
    with connect(database) as connection:
        tags = connection.execute(
            "select tags from duckdb_databases() where database_name = 'warehouse'"
        ).fetchone()
    assert tags is not None and tags[0]["storage_version"].startswith(STORAGE_VERSION)


def test_readers_never_wait_fail_or_see_half_a_batch(tmp_path: Path) -> None:
    """A batch is two clips of one part; readers see a growing number of batches, each complete."""
    home = Home(tmp_path)
    publish(home)
    code = (
        "import sys, time; from pathlib import Path; from assets.store.warehouse import query\n"
        "last, reads, start = 0, 0, time.monotonic()\n"
        "while (last < 3 or reads < 20) and time.monotonic() < start + 60:\n"
        "    rows = query(Path(sys.argv[1]), 'select method, count(*) as n from clip_metrics group by method')\n"
        "    assert (rows['n'] == 2).all(), rows\n"
        "    assert len(rows) >= last, (len(rows), last)\n"
        "    last, reads = len(rows), reads + 1\n"
        "print(reads, last)"
    )
    command = [sys.executable, "-c", code, str(home.database)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    stop, errors = threading.Event(), []

    def publish_often() -> None:
        try:
            while not stop.is_set():
                publish(home)
        except Exception as error:
            errors.append(error)
            raise

    publisher = threading.Thread(target=publish_often)
    publisher.start()
    batch = 0
    while any(reader.poll() is None for reader in readers):
        rows = [metric_row(method=f"m{batch:03d}", clip_id=clip) for clip in ("a", "b")]
        write_part(home, "clip_metrics", rows, dataset="d", method=f"m{batch:03d}")
        batch += 1
        time.sleep(0.05)
    stop.set()
    publisher.join()
    assert not errors
    for reader in readers:
        output, _ = reader.communicate()
        assert reader.returncode == 0
        reads, last = map(int, output.split())
        assert reads >= 20 and last >= 3


def test_intervals_are_computed_again_only_for_other_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets.store import warehouse

    calls = []
    compute = warehouse.bootstrap_intervals
    monkeypatch.setattr(warehouse, "bootstrap_intervals", lambda *args: calls.append(1) or compute(*args))
    home = Home(tmp_path)
    rows = [metric_row(clip_id=f"c{i}", value=float(i)) for i in range(5)]
    write_part(home, "clip_metrics", rows, dataset="d")
    first = query(publish(home), "select low, high from metric_summary")
    write_part(home, "shards", [{"dataset": "d", "path": "train-00000.tar"}], dataset="d")
    again = query(publish(home), "select low, high from metric_summary")
    assert len(calls) == 1 and first.equals(again)
    write_part(home, "clip_metrics", rows[:4], dataset="d")
    publish(home)
    assert len(calls) == 2
    window = {"dataset": "d", "method": "cals", "window_frames": 3}
    windows = [{**window, "clip_id": f"c{i}", "lmd": float(i)} for i in range(5)]
    write_part(home, "context_window", windows, dataset="d")
    found = query(publish(home), "select low, high from figure_3 where corpus = 'd'")
    assert len(calls) == 3 and found.notna().all(axis=None)


def test_times_with_a_zone_become_utc(tmp_path: Path) -> None:
    home = Home(tmp_path)
    warehouse_rows.fill_ledger(home, "d")
    found = query(publish(home), "select max(finished_at) as last from materializations")
    assert str(found["last"][0]) == "2026-11-23 12:08:00+00:00"


def test_whole_numbers_and_categories_fit_where_they_mean_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = part_path(home, "shards", "d")
    path.parent.mkdir(parents=True)
    table = pa.table({
        "dataset": pa.array(["d"]).dictionary_encode(),
        "path": pa.array(["train-00000.tar"], pa.large_string()),
        "num_clips": pa.array([3], pa.int16()),
        "bytes": pa.array([None], pa.null()),
    })  # fmt: skip
    pq.write_table(table, path)
    found = query(publish(home), "select dataset, num_clips, bytes from shards")
    assert found["num_clips"][0] == 3 and found["bytes"].isna().all()
