"""Records of files, the cache of digests, and how rows of the ledger hold each other in place."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assets.project.code_version import CodeVersion
from assets.project.home import Home
from assets.store import ledger
from assets.store.file_digests import FileDigests, sha256_of
from assets.store.file_records import command_records, look_at, read_records, record_paths
from assets.store.ledger_chain import digest_of_row, missing_from
from assets.store.ledger_upkeep import seal
from assets.store.recorded_commands import record_written

CODE = CodeVersion(digest="c0de", definitions={}, libraries={})
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def append(home: Home, version: str, *paths: str) -> str:
    entry = ledger.Entry(
        asset="mels", dataset="d", method=None, data_version=version, code_version="c0de", settings={}, inputs={},
        dagster_run_id="run", duration_s=1.0,
    )  # fmt: skip
    return ledger.append(home, entry, CODE, look_at(FileDigests(root=home.root), paths))


def write(home: Home, name: str, content: str) -> Path:
    path = home.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_row_names_the_files_that_it_left_and_the_rows_before_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write(home, "stages/mels/d/00000.parquet", "")
    first = append(home, "v1", "stages/mels/d/00000.parquet", "stages/mels/d/none.parquet")
    append(home, "v2")
    one, two = ledger.read(home)
    record = read_records(record_paths(home))[first]
    file, code = record.files
    assert code.path == "warehouse/code/c0de.json"
    assert (file.path, file.sha256, file.bytes) == ("stages/mels/d/00000.parquet", EMPTY_SHA256, 0)
    assert (record.record_id, record.digest) == (first, one["files_digest"])
    assert one["row_digest"] == digest_of_row(one) and two["heads_json"] == f'["{one["row_digest"]}"]'
    assert ledger.tips(home) == [two["row_digest"]]


def test_writers_at_once_are_named_together_by_the_next(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append(home, f"v{number}"), range(24)))
    assert missing_from(ledger.nodes(home)) == set()
    before = ledger.tips(home)
    append(home, "last")
    (last,) = ledger.tips(home)
    assert sorted(ledger.nodes(home)[last]) == before


def test_merging_keeps_digests_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    for number in range(6):
        write(home, f"report/{number}", str(number))
        append(home, f"v{number}", f"report/{number}")
    rows, records = ledger.read(home), read_records(record_paths(home))
    monkeypatch.setattr(ledger, "COMPACT_ABOVE", 3)
    ledger.compact(home)
    assert len(ledger.part_paths(home)) == len(record_paths(home)) == 1
    assert ledger.read(home) == rows and read_records(record_paths(home)) == records
    assert all(row["row_digest"] == digest_of_row(row) for row in ledger.read(home))


def test_a_command_s_record_names_the_newest_rows_and_is_named_by_the_next(tmp_path: Path) -> None:
    home = Home(tmp_path)
    append(home, "v1")
    (tip,) = ledger.tips(home)
    path = write(home, "warehouse/parts/dubs/one.parquet", "dub")
    record = record_written(home, "dub", path)
    assert record.heads_json == f'["{tip}"]' and ledger.tips(home) == [record.digest]
    append(home, "v2")
    assert command_records(home) == {record.record_id: record}
    assert ledger.read(home)[-1]["heads_json"] == f'["{record.digest}"]'


def test_rows_of_an_earlier_version_get_digests(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    home = Home(tmp_path)
    ids = [append(home, f"v{number}") for number in range(3)]
    for path in ledger.part_paths(home):
        new = ["files_digest", "heads_json", "row_digest"]
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns(new), path)
    write(home, "report/x", "x")
    wanted = look_at(FileDigests(root=home.root), ["report/x"])
    assert seal(home, lambda row: wanted if row["materialization_id"] == ids[-1] else None) == 3
    rows = ledger.read(home)
    assert [row["materialization_id"] for row in rows] == ids
    assert [row["files_digest"] is None for row in rows] == [True, True, False]
    assert all(row["row_digest"] == digest_of_row(row) for row in rows)
    assert ledger.tips(home) == [rows[-1]["row_digest"]] and seal(home, lambda row: None) == 0


def test_a_file_is_read_again_only_where_size_or_time_changed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = write(home, "report/x", "one")
    os.utime(path, (time.time() - 60, time.time() - 60))
    digests = FileDigests.open(home)
    assert digests.of("report/x") == digests.of("report/x") == sha256_of(path) and digests.num_read == 1
    digests.save(home)
    kept = path.stat()
    path.write_text("two")
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert FileDigests.open(home).of("report/x") != sha256_of(path)
    assert FileDigests.open(home, trusts=False).of("report/x") == sha256_of(path)
    os.utime(path, (time.time() - 30, time.time() - 30))
    assert FileDigests.open(home).of("report/x") == sha256_of(path)


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write(home, "report/x", "one")
    digests = FileDigests.open(home)
    assert digests.of("report/x") and digests.of("report/none") is None and not digests.known


def test_a_cache_that_is_not_readable_is_an_empty_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write(home, "warehouse/.hashed.json", '{"a": 1')
    assert FileDigests.open(home).known == {}


def test_a_part_that_is_not_readable_is_named_with_the_remedy(tmp_path: Path) -> None:
    home = Home(tmp_path)
    append(home, "v1")
    (path,) = ledger.part_paths(home)
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(ledger.LedgerError, match=f"{path.name}: not a readable part of the ledger") as raised:
        ledger.heads(home)
    assert "put the file back" in str(raised.value) and "\n" not in str(raised.value)
