"""The ledger: rows are appended whole, the latest counts, compaction loses nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assets.project.code_version import CodeVersion
from assets.project.home import Home
from assets.store import ledger

CODE = CodeVersion(digest="c0de", definitions={"a.f": "1"}, libraries={"torch": "2"})


def entry(asset: str, data_version: str, method: str | None = None) -> ledger.Entry:
    return ledger.Entry(
        asset=asset,
        dataset="d",
        method=method,
        data_version=data_version,
        code_version=CODE.digest,
        settings={"hop_samples": 160},
        inputs={"clips": "v0"},
        dagster_run_id="run",
        duration_s=1.5,
    )


def test_the_latest_row_is_the_head(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for version in ("v1", "v2"):
        ledger.append(home, entry("mels", version), CODE)
    ledger.append(home, entry("renders", "r", "cals"), CODE)
    heads = ledger.heads(home)
    assert heads[("mels", "d", None)]["data_version"] == "v2"
    assert json.loads(heads[("renders", "d", "cals")]["inputs_json"]) == {"clips": "v0"}
    assert ledger.recall_code(home, "c0de") == {"definitions": {"a.f": "1"}, "libraries": {"torch": "2"}}


def test_compaction_keeps_every_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    for index in range(12):
        ledger.append(home, entry("mels", f"v{index}"), CODE)
    before = ledger.read(home)
    monkeypatch.setattr(ledger, "COMPACT_ABOVE", 5)
    ledger.compact(home)
    assert len(list((home.parts / ledger.TABLE).glob("*.parquet"))) == 1
    ledger.append(home, entry("mels", "v12"), CODE)
    after = ledger.read(home)
    assert after[:12] == before
    assert ledger.heads(home)[("mels", "d", None)]["data_version"] == "v12"


def test_appending_from_several_threads_loses_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: ledger.append(home, entry("mels", f"v{i}"), CODE), range(40)))
    assert len(ledger.read(home)) == 40


def test_a_part_that_lacks_a_column_has_null_there(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    home = Home(tmp_path)
    ledger.append(home, entry("clips", "v1"), CODE)
    (path,) = (home.parts / ledger.TABLE).glob("*.parquet")
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns("imported_from"), path)
    assert ledger.read(home)[0]["imported_from"] is None
    assert ledger.read(home, ["asset", "imported_from"])[0]["imported_from"] is None
