"""``cals query``: the formats, and one line for what DuckDB rejects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.store.warehouse import publish
from pipelines.query import run_query
from tests.support.lineage_home import make_project

SQL = "select 1 as number, 'a, b' as words union all select 2, 'c' order by 1"


def test_rows_come_as_a_table_csv_or_json(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project.home)
    assert [line.split() for line in run_query(project, SQL, "table").splitlines()] == [
        ["number", "words"],
        ["1", "a,", "b"],
        ["2", "c"],
    ]
    assert run_query(project, SQL, "csv").splitlines() == ["number,words", '1,"a, b"', "2,c"]
    assert json.loads(run_query(project, SQL, "json")) == [
        {"number": 1, "words": "a, b"},
        {"number": 2, "words": "c"},
    ]


def test_errors_are_one_line(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(
        ValueError, match=r"cals\.duckdb: there is no warehouse yet; run cals demo or cals run first"
    ):
        run_query(project, SQL, "table")
    publish(project.home)
    for sql in ("select nothing from nowhere", "drop table clip_metrics"):
        with pytest.raises(ValueError, match=r"^query: ") as caught:
            run_query(project, sql, "table")
        assert "\n" not in str(caught.value)
