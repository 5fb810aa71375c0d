"""``cals doctor --deep``: every file of the home against the ledger, the ledger against itself, the database against both.

Nothing is taken from the cache, so that an edit is found whose size and time were restored. Dagster's and MLflow's own
folders are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from assets.project.home import Home
from assets.project.settings import Project
from assets.store import ledger
from assets.store.file_digests import CACHE_NAME, FileDigests, sha256_of
from assets.store.file_records import RecordError, command_records, read_records, record_of, record_paths
from assets.store.file_records import folder as records_folder
from assets.store.kept_parts import digest_in_name, find_kept, recorded_parts
from assets.store.published_file import RECORD_NAME
from assets.store.user_sql import STATE_NAME
from pipelines.lineage.ledger_graph import Row, label
from pipelines.lineage.registered_models import training_folders
from pipelines.repair.deep_caches import find_cache_flaws
from pipelines.repair.deep_database import find_database_flaws
from pipelines.repair.flaw import Flaw
from pipelines.repair.interruption import busy_datasets
from pipelines.repair.ledger_rows import find_ledger_flaws
from pipelines.repair.mending import BY_HAND, DAMAGED, aside
from pipelines.repair.outputs import find_output_flaws
from pipelines.repair.recorded import Expected, read_expected
from pipelines.repair.stamp import FOLDERS, STAMP_NAME
from pipelines.repair.warehouse import find_old_warehouse

# Files of `warehouse/` that no record names: each is compared in its own way, or is only a lock.
_OWN = frozenset({
    "cals.duckdb", RECORD_NAME, STATE_NAME, "bootstrap_intervals.parquet", CACHE_NAME, STAMP_NAME, ".ledger.lock",
    ".publish.lock",
})  # fmt: skip


def find_deep_flaws(project: Project) -> Iterator[Flaw]:
    """Everything in the home that is not as it was recorded; one flaw a file, of tables one a row."""
    home = project.home
    ledger_flaws = list(find_ledger_flaws(project))
    yield from ledger_flaws
    if any(flaw.kind == "damaged_ledger" for flaw in ledger_flaws):
        try:
            ledger.read(home)
            read_records(record_paths(home), ())
        except (ledger.LedgerError, RecordError):
            return  # what the other files should hold is not known
    busy = busy_datasets(home, project.datasets)
    rows = [row for row in ledger.read(home) if row["dataset"] not in busy]
    digests = FileDigests(root=home.root, trusts=False)
    yield from _record_flaws(home, rows)
    current = list(find_output_flaws(project, ledger.heads(home), digests, busy, deep=True))
    yield from current
    expected = read_expected(home, rows)
    told = " ".join(flaw.text for flaw in current)
    yield from _other_flaws(home, expected, digests, told)
    if not any(flaw.kind == "old_ledger" for flaw in ledger_flaws):
        yield from _added_files(project, expected, busy, told)
    yield from _kept_flaws(home, rows)
    yield from find_cache_flaws(project, digests, busy)
    if not busy:
        yield from find_old_warehouse(home, digests)
    if not busy and not any(flaw.kind == "damaged_ledger" for flaw in ledger_flaws):
        yield from find_database_flaws(home, {Path(path).parent.name for path in expected if path in told})


def _record_flaws(home: Home, rows: list[Row]) -> Iterator[Flaw]:
    """Records of files that are not those that their ledger rows name, and parts that hold none."""
    known = {row["materialization_id"]: row for row in rows}
    for path in record_paths(home):
        name = path.relative_to(home.root)
        records = read_records([path]).values()
        if all(record.heads_json is None and record.record_id not in known for record in records):
            text = f"{name}: belongs to no row of the ledger"
            mend = aside(home, name.as_posix())
            yield Flaw(kind="added_file", text=text, remedy=f"moved to {DAMAGED}/", mend=mend)
    there = read_records(record_paths(home))
    for row in rows:
        if row["files_digest"] is None:
            continue
        kept = there.get(row["materialization_id"])
        if kept is not None and kept.digest != row["files_digest"]:
            where = _part_of(home, row["materialization_id"])
            text = f"{where}: the files of {label(row)} ({row['materialization_id']}) are not those that it recorded"
            yield Flaw(kind="lost_record", text=text, remedy=BY_HAND)
        elif kept is None and row["files_digest"] != record_of(row["materialization_id"], ()).digest:
            text = f"{records_folder(home).relative_to(home.root)}: the record of {label(row)} ({row['materialization_id']}) is gone"
            yield Flaw(kind="lost_record", text=text, remedy=BY_HAND)
    named = {head for heads in ledger.nodes(home).values() for head in heads}
    for record in command_records(home).values():
        if record.digest not in named | set(ledger.tips(home)):
            yield Flaw(kind="lost_record", text=f"record {record.record_id} was changed", remedy=BY_HAND)


def _part_of(home: Home, record_id: str) -> str:
    for path in record_paths(home):
        if record_id in read_records([path]):
            return path.relative_to(home.root).as_posix()
    return records_folder(home).relative_to(home.root).as_posix()


def _other_flaws(
    home: Home, expected: dict[str, Expected], digests: FileDigests, told: str
) -> Iterator[Flaw]:
    """Files of superseded rows and of commands: of the first some may be gone, none may be changed."""
    for path, wanted in expected.items():
        if path in told:
            continue
        found = digests.of(path)
        if found == wanted.file.sha256 or (found is None and wanted.row is not None):
            continue
        if found is None:
            text = f"{wanted.recorded_by}: {path} is missing"
            yield Flaw(kind="missing_output", text=text, remedy=BY_HAND)
        elif wanted.file.sha256 is None:
            text = f"{path} is there again, though {wanted.recorded_by} removed it"
            yield Flaw(kind="added_file", text=text, remedy=f"moved to {DAMAGED}/", mend=aside(home, path))
        else:
            text = f"{wanted.recorded_by}: {path} has other bytes than were recorded"
            yield Flaw(kind="damaged_output", text=text, remedy=BY_HAND)


def _added_files(
    project: Project, expected: dict[str, Expected], busy: set[str], told: str
) -> Iterator[Flaw]:
    """Files that no record names."""
    home = project.home
    begun = {folder for folder in training_folders(home) if not (folder / "result.json").exists()}
    for folder in FOLDERS:
        for place, _, names in os.walk(home.root / folder):
            for name in names:
                path = Path(place, name)
                text = path.relative_to(home.root).as_posix()
                if (
                    text in expected
                    or text in told
                    or _is_own(home, path)
                    or begun.intersection(path.parents)
                ):
                    continue
                if not busy.intersection(path.relative_to(home.root).parts):
                    mend = aside(home, text)
                    yield Flaw(
                        kind="added_file",
                        text=f"{text} is not among the files that were recorded",
                        remedy=f"moved to {DAMAGED}/",
                        mend=mend,
                    )


def _is_own(home: Home, path: Path) -> bool:
    if path.parent == home.warehouse:
        return path.name in _OWN or path.name.startswith("cals.duckdb.wal")
    if path.is_relative_to(home.history) or path.parent.name in (ledger.TABLE, "recorded_files"):
        return True
    return path.name == "scan.parquet" and path.is_relative_to(home.root / "stages" / "raw_videos")


def _kept_flaws(home: Home, rows: list[Row]) -> Iterator[Flaw]:
    """Kept versions of parts: the name is the digest."""
    named = {digest for row in rows for digest in recorded_parts(home, row).values()}
    for path in sorted(home.history.glob("*/*.parquet")):
        if path.stem.partition("-")[0] not in named:
            text = f"{path.relative_to(home.root)} is not among the versions that were recorded"
            yield Flaw(kind="added_file", text=text, remedy="cals gc --yes removes it")
            continue
        if sha256_of(path) != digest_in_name(path):
            text = f"{path.relative_to(home.root)} has other bytes than its name says"
            yield Flaw(kind="damaged_output", text=text, remedy=BY_HAND)
    for row in rows:
        for table, digest in recorded_parts(home, row).items():
            if find_kept(home, table, digest) is None:
                path = home.history / table / f"{digest}.parquet"
                text = f"{label(row)}: {path.relative_to(home.root)} is missing"
                yield Flaw(kind="missing_output", text=text, remedy=BY_HAND)
