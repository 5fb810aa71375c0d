"""What a home recorded of its files, against what they hold: each kind of difference, and what becomes of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.project.home import Home
from assets.project.settings import Project
from assets.raw_videos.dataset_scan import scan_dataset
from assets.store import ledger
from assets.store.bucket_files import KEY_FIELDS, write_rows
from assets.store.file_digests import CACHE_NAME, FileDigests
from assets.store.file_records import record_paths
from assets.store.warehouse import WarehouseError, publish
from pipelines.repair.deep import find_deep_flaws
from pipelines.repair.flaw import Flaw
from pipelines.repair.ledger_rows import find_ledger_flaws, restore_ledger
from pipelines.repair.outputs import find_output_flaws
from pipelines.repair.repair import needs_repair
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One run with records of its files, and a database published after it."""
    project = make_project(tmp_path_factory.mktemp("deep"))
    for path in Path(project.datasets[DATASET].root).rglob("*.mp4"):
        os.utime(path, (1e9, 1e9))
    scan_dataset(project, DATASET)
    SyntheticRun(project, "first", records_files=True).make_all()
    publish(project.home)
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    shutil.copytree(made.home.root, tmp_path / ".cals", symlinks=True)
    return replace(made, home=Home(tmp_path / ".cals"))


def found(project: Project) -> list[Flaw]:
    return list(find_deep_flaws(project))


def quietly(path: Path, change: Callable[[Path], object]) -> None:
    """Changes a file and restores its times."""
    kept = path.stat()
    change(path)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_home_is_as_it_was_recorded_and_so_is_a_copy(project: Project) -> None:
    assert found(project) == [] and not needs_repair(project)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        (f"stages/mels/{DATASET}/00000.parquet", "damaged_output"),
        (f"shards/{DATASET}/val-00000.tar", "damaged_output"),
        (f"warehouse/parts/clip_metrics/{DATASET}__cals.parquet", "damaged_output"),
        ("warehouse/contents/*/*.parquet", "damaged_output"),
        ("models/*/generator/cals/*/progress.jsonl", "damaged_output"),
        (f"report/{DATASET}/index.html", "damaged_output"),
        ("warehouse/history/*/*.parquet", "damaged_output"),
    ],
)
def test_a_changed_byte_is_found_under_the_same_time(project: Project, pattern: str, kind: str) -> None:
    path = next(path for path in sorted(project.home.root.glob(pattern)))
    quietly(path, flip if path.stat().st_size else lambda path: path.write_bytes(b"x"))
    name = path.relative_to(project.home.root).as_posix()
    assert any(flaw.kind == kind and name in flaw.text for flaw in found(project))


def test_finished_work_that_was_not_recorded_is_kept_and_other_bytes_are_not(project: Project) -> None:
    folder = project.home.stage("mels", DATASET)
    rows = pq.read_table(folder / "00000.parquet", partitioning=None).to_pylist()
    write_rows(folder / "00000.parquet", pa.schema(KEY_FIELDS), rows[1:])

    def flaws() -> list[Flaw]:
        heads = ledger.heads(project.home)
        return list(find_output_flaws(project, heads, FileDigests(root=project.home.root)))

    (flaw,) = flaws()
    assert (flaw.kind, flaw.mend, flaw.remake) == ("unrecorded_output", None, (("mels", DATASET, None),))
    flip(folder / "00000.parquet")
    (flaw,) = flaws()
    assert flaw.kind == "damaged_output" and flaw.mend is not None
    flaw.mend()
    assert not (folder / "00000.parquet").exists()


def test_a_file_that_nobody_recorded_is_moved_and_not_lost(project: Project) -> None:
    path = project.home.stage("mels", DATASET) / "00009.parquet"
    path.write_bytes(b"added")
    (flaw,) = [flaw for flaw in found(project) if flaw.kind == "added_file"]
    assert flaw.mend is not None and not flaw.remake
    flaw.mend()
    (kept,) = (project.home.root / "damaged").rglob(path.name)
    assert not path.exists() and kept.read_bytes() == b"added"


def test_a_changed_record_a_raw_file_and_a_cache_are_named(project: Project) -> None:
    def change(path: Path) -> None:
        table = pq.read_table(path, partitioning=None)
        other = pa.array(["0" * 64] * len(table))
        pq.write_table(table.set_column(table.schema.get_field_index("sha256"), "sha256", other), path)

    assert not needs_repair(project)
    path = project.home.warehouse / CACHE_NAME
    cache = {**json.loads(path.read_text()), "report/talks/index.html": [0, 0, "0" * 64]}
    report = project.home.report(DATASET)
    cache["report/talks/index.html"][:2] = [report.stat().st_size, report.stat().st_mtime_ns]
    path.write_text(json.dumps(cache))
    quietly(record_paths(project.home)[0], change)
    scan = project.home.stage("raw_videos", DATASET) / "scan.parquet"
    quietly(scan, change)
    kinds = {flaw.kind for flaw in found(project)}
    assert {"lost_record", "changed_raw_file", "damaged_cache"} <= kinds


def test_rows_of_the_ledger_come_back_from_the_database(project: Project) -> None:
    rows = ledger.read(project.home)
    first, second, *_ = ledger.part_paths(project.home)
    first.write_bytes(b"PAR1")
    second.unlink()
    record_paths(project.home)[0].unlink()
    (flaw, *_) = find_ledger_flaws(project)
    assert flaw.kind == "damaged_ledger" and flaw.mend is not None and first.name in flaw.text
    with pytest.raises((WarehouseError, ledger.LedgerError)):
        publish(project.home)
    restore_ledger(project.home)
    assert ledger.read(project.home) == rows and list(find_ledger_flaws(project)) == []
    assert list((project.home.root / "damaged").rglob(first.name))


def test_a_row_without_a_copy_is_named_with_what_to_do(project: Project) -> None:
    project.home.database.unlink()
    ledger.part_paths(project.home)[0].unlink()
    (flaw,) = find_ledger_flaws(project)
    assert not flaw.can_be_mended and "put it back from a copy of the home" in flaw.remedy
