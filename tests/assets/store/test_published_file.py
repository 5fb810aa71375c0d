"""Clients of the published database: whatever one of them does, the others and the next publish read right values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets.project.home import Home
from assets.store.file_digests import FileDigests
from assets.store.published_file import is_as_published, log_path
from assets.store.table_parts import write_part
from assets.store.warehouse import publish, query

WRITES = """
import os, sys, duckdb
connection = duckdb.connect({path!r})
try:
    connection.execute("update raw_files set path = 'poisoned'")
    said = "wrote"
except duckdb.Error as error:
    said = "failed"
print(said, connection.execute("select path from raw_files").fetchall(), flush=True)
if {killed}:
    os._exit(9)
sys.stdin.readline()
try:
    connection.execute("update raw_files set path = 'poisoned again'")
    connection.execute("checkpoint")
except duckdb.Error as error:
    print("failed again", flush=True)
connection.close()
"""
READS = "import duckdb; print(duckdb.connect({path!r}, read_only=True).execute('select path from raw_files').fetchall())"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    fill(made, "a.mp4")
    publish(made)
    return made


def fill(home: Home, path: str) -> None:
    write_part(
        home, "raw_files", [{"dataset": "d", "path": path, "sha256": "0" * 64, "bytes": 1}], dataset="d"
    )


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip()


def read_plainly(home: Home) -> str:
    """What a process reads that knows only the file's path."""
    return run(READS.format(path=str(home.database)))


def is_whole(home: Home) -> bool:
    return is_as_published(home, FileDigests(root=home.root))


def test_a_client_that_opened_it_for_writing_and_was_killed_leaves_nothing(home: Home) -> None:
    said = run(WRITES.format(path=str(home.database), killed=True))
    assert said == "failed [('a.mp4',)]", "it reads, and can change nothing"
    assert (
        read_plainly(home) == "[('a.mp4',)]" and query(home.database, "from raw_files")["path"][0] == "a.mp4"
    )
    fill(home, "b.mp4")
    publish(home)
    assert read_plainly(home) == "[('b.mp4',)]" and is_whole(home)


@pytest.fixture
def writer(home: Home) -> Iterator[subprocess.Popen[str]]:
    code = WRITES.format(path=str(home.database), killed=False)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "failed [('a.mp4',)]\n"
    yield process
    process.kill()
    process.wait()


def test_a_client_that_keeps_it_open_for_writing_changes_nothing_for_others(
    home: Home, writer: subprocess.Popen[str]
) -> None:
    fill(home, "b.mp4")
    publish(home)
    assert read_plainly(home) == "[('b.mp4',)]"
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    writer.wait(60)
    assert read_plainly(home) == "[('b.mp4',)]" and is_whole(home)
    assert query(home.database, "from raw_files")["path"][0] == "b.mp4"


def test_changes_that_a_client_of_an_earlier_version_left_are_not_replayed(home: Home) -> None:
    """The log's name was free then: a killed client left a log, which DuckDB replays onto what lies beside it."""
    log_path(home.database).unlink()
    assert run(WRITES.format(path=str(home.database), killed=True)) == "wrote [('poisoned',)]"
    assert log_path(home.database).is_file() and read_plainly(home) == "[('poisoned',)]"
    assert not is_whole(home)
    publish(home)
    assert read_plainly(home) == "[('a.mp4',)]" and is_whole(home)


def test_bytes_that_were_changed_in_place_are_noticed(home: Home) -> None:
    assert is_whole(home)
    with home.database.open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"\xff")
    assert not is_whole(home)


def test_reading_for_writing_by_mistake_works(home: Home) -> None:
    with duckdb.connect(str(home.database)) as connection:
        assert connection.execute("select path from raw_files").fetchall() == [("a.mp4",)]
    assert is_whole(home)
