"""``cals query``: the formats, and one line for what DuckDB rejects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project.settings import Project
from assets.store.published_file import log_path
from assets.store.table_parts import write_part
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


def test_an_unknown_column_or_table_is_answered_with_those_that_are_near(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project.home)
    with pytest.raises(
        ValueError, match=r'^query: Binder Error: .*"speakers" not found.* Candidate bindings: .*"speaker"'
    ):
        run_query(project, "select speakers from clips", "table")
    with pytest.raises(
        ValueError, match=r"^query: Catalog Error: Table with name clip does not exist! Did you mean"
    ):
        run_query(project, "from clip", "table")


def test_a_missing_value_is_empty_or_null_whatever_its_type(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project.home)
    sql = (
        "select * from (values (null, null, null, null, null), ('a', 1, 0.5, true, timestamptz '2026-11-20 10:00:00+00')) "
        "as t (words, whole, part, flag, time) order by words nulls first"
    )
    assert run_query(project, sql, "csv").splitlines() == [
        "words,whole,part,flag,time",
        ",,,,",
        "a,1,0.5,True,2026-11-20T10:00:00+00:00",
    ]
    empty, full = json.loads(run_query(project, sql, "json"))
    assert empty == dict.fromkeys(("words", "whole", "part", "flag", "time"))
    assert full == {"words": "a", "whole": 1, "part": 0.5, "flag": True, "time": "2026-11-20T10:00:00+00:00"}
    header, nothing, something = run_query(project, sql, "table").splitlines()
    assert header.split() == ["words", "whole", "part", "flag", "time"]
    assert nothing.strip() == ""
    assert something.split() == ["a", "1", "0.5", "True", "2026-11-20T10:00:00+00:00"]


def test_lists_and_columns_of_one_name_lose_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project.home)
    sql = "select 1 as n, 2 as n, [1.5, null] as some, {'a': 'nan'::double} as one"
    assert json.loads(run_query(project, sql, "json")) == [
        {"n": 1, "n_1": 2, "some": [1.5, None], "one": {"a": None}}
    ]
    assert run_query(project, sql, "csv").splitlines()[1] == '1,2,"[1.5, null]","{""a"": null}"'


def test_no_rows_are_said_in_a_table_and_empty_elsewhere(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    publish(project.home)
    sql = "select 1 as n where false"
    assert run_query(project, sql, "table") == "no rows (n)"
    assert (run_query(project, sql, "csv"), json.loads(run_query(project, sql, "json"))) == ("n", [])


def test_values_that_a_client_left_or_keeps_are_not_read(tmp_path: Path) -> None:
    """A client of an earlier version left a log; another holds the file open for writing now."""
    project = make_project(tmp_path)
    write_part(
        project.home, "raw_files", [{"dataset": "d", "path": "a.mp4", "sha256": "0" * 64}], dataset="d"
    )
    database = publish(project.home)
    log_path(database).unlink()
    left = f"connection = duckdb.connect({str(database)!r}); connection.execute(\"update raw_files set path = 'x'\")"
    subprocess.run([sys.executable, "-c", f"import duckdb, os; {left}; os._exit(9)"], check=False)
    assert log_path(database).is_file()
    assert run_query(project, "select path from raw_files", "csv") == "path\na.mp4"
    held = f"import duckdb, sys; connection = duckdb.connect({str(database)!r}); print(1, flush=True); sys.stdin.read()"
    client = subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdout is not None and client.stdout.readline() == b"1\n"
    try:
        assert run_query(project, "select path from raw_files", "csv") == "path\na.mp4"
    finally:
        client.communicate()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = make_project(tmp_path_factory.mktemp("project"))
    publish(made.home)
    return made


@pytest.mark.parametrize(
    "sql, number", [("", 0), (" ", 0), (";", 0), ("-- nothing", 0), ("select 1; select 2", 2)]
)
def test_one_statement_is_needed(project: Project, sql: str, number: int) -> None:
    with pytest.raises(ValueError, match=f"query: {number} statements; give one"):
        run_query(project, sql, "table")


@pytest.mark.parametrize(
    "sql",
    [
        "call enable_logging(level='debug')",
        "call enable_logging(storage='file', storage_path='{folder}/log')",
        "from enable_logging(storage='stdout')",
        "call enable_profiling()",
        "from enable_profiling(format='json', save_location='{folder}/profile.json')",
        "pragma enable_profiling",
        "set logging_storage = 'stdout'",
    ],
)
def test_a_query_switches_nothing_on(project: Project, sql: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the configuration has been locked"):
        run_query(project, sql.format(folder=tmp_path), "table")
    assert not (tmp_path / "log").exists() and not (tmp_path / "profile.json").exists()


def test_a_statement_that_is_not_utf_8_is_one_line(project: Project) -> None:
    with pytest.raises(ValueError, match="query: the statement is not UTF-8"):
        run_query(project, "select '\udcff'", "table")


def test_text_can_not_command_the_terminal(project: Project) -> None:
    sql = "select 'a' || chr(27) || '[2J' || chr(8238) || chr(155) as words"
    assert run_query(project, sql, "table").split() == ["words", r"a\x1b[2J\xe2\x80\xae\xc2\x9b"]
    given = run_query(project, sql, "json")
    assert given.replace("\n", "").isprintable()
    assert json.loads(given) == [{"words": "a\x1b[2J\u202e\x9b"}]
