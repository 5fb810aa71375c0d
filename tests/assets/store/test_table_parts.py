"""Parts of a table: their columns are those of all rows."""

from __future__ import annotations

from pathlib import Path

from assets.project.home import Home
from assets.store.table_parts import read_part, write_part


def test_a_column_that_only_some_rows_have_is_kept(tmp_path: Path) -> None:
    rejected = {"clip_id": "a", "status": "rejected", "reason": "too_short"}
    accepted = {"clip_id": "b", "status": "ok", "num_frames": 30}
    for rows in ([rejected, accepted], [accepted, rejected]):
        path = write_part(Home(tmp_path), "clip_outcomes", rows, dataset="mix", method="shards")
        empty = {"reason": None, "num_frames": None}
        assert read_part(path).to_pylist() == [empty | row for row in rows]


def test_columns_that_a_part_lacks_are_left_out(tmp_path: Path) -> None:
    path = write_part(Home(tmp_path), "clip_outcomes", [{"clip_id": "a"}], dataset="mix")
    assert read_part(path, ["clip_id", "reason"]).to_pylist() == [{"clip_id": "a"}]


def test_a_part_without_rows_is_removed(tmp_path: Path) -> None:
    path = write_part(Home(tmp_path), "clip_outcomes", [{"clip_id": "a"}], dataset="mix")
    assert path.exists()
    assert not write_part(Home(tmp_path), "clip_outcomes", [], dataset="mix").exists()
