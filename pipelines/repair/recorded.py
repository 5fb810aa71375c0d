"""Compares files with what the ledger recorded of them, by digest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assets.project.home import Home
from assets.project.settings import Project
from assets.stage.partition_files import CACHED, partition_files
from assets.store.file_digests import FileDigests
from assets.store.file_records import (
    Record,
    RecordedFile,
    command_records,
    read_records,
    record_paths,
)
from assets.store.ledger import Heads
from pipelines.lineage.ledger_graph import Row, label, partition
from pipelines.repair.current_rows import current_rows
from pipelines.repair.finished_work import FinishedWork
from pipelines.repair.flaw import Flaw
from pipelines.repair.mending import DAMAGED, REMADE, aside, mend_of


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the newest record of a path says.

    Args:
        file: the record's.
        row: ledger row that it belongs to; None for a command's record.
        recorded_by: the row's partition, or the command.
        at: when it was recorded.
    """

    file: RecordedFile
    row: Row | None
    recorded_by: str
    at: datetime


def expected_files(rows: Iterable[Row], records: dict[str, Record]) -> dict[str, Expected]:
    """The newest record of each path.

    Args:
        rows: whose records count; those of commands count always.
        records: by id.
    """
    events: list[tuple[datetime, str, Row | None, Record]] = []
    for row in rows:
        record = records.get(row["materialization_id"])
        if record is not None:
            events.append((row["at"], label(row), row, record))
    for record in records.values():
        if record.recorded_at is not None:
            events.append(
                (record.recorded_at.replace(tzinfo=UTC), f"cals {record.recorded_by}", None, record)
            )
    found: dict[str, Expected] = {}
    for at, by, whose, record in sorted(events, key=lambda event: event[0]):
        for file in record.files:
            found[file.path] = Expected(file=file, row=whose, recorded_by=by, at=at)
    return found


def read_expected(home: Home, rows: Collection[Row]) -> dict[str, Expected]:
    """The newest record of each path that some rows, or commands, left."""
    ids = {row["materialization_id"] for row in rows}
    records = read_records(record_paths(home), ids) | command_records(home)
    return expected_files(rows, records)


def find_recorded_flaws(
    project: Project, heads: Heads, digests: FileDigests, busy: Collection[str] = ()
) -> Iterator[Flaw]:
    """Files of current partitions that are gone, hold other bytes than were recorded, or were not recorded.

    Args:
        heads: latest ledger row of each partition.
        busy: datasets on which a run is working, which are skipped.
    """
    rows = [row for row in current_rows(project, heads, busy) if row["files_digest"]]
    expected = read_expected(project.home, rows)
    of_row: dict[str, dict[str, RecordedFile]] = {row["materialization_id"]: {} for row in rows}
    for path, wanted in expected.items():
        if wanted.row is not None:
            of_row[wanted.row["materialization_id"]][path] = wanted.file
    for row in rows:
        yield from _row_flaws(project.home, row, of_row[row["materialization_id"]], expected, digests)


def _row_flaws(
    home: Home,
    row: Row,
    files: dict[str, RecordedFile],
    expected: dict[str, Expected],
    digests: FileDigests,
) -> Iterator[Flaw]:
    finished = FinishedWork(home, row, files, digests)
    for path, file in files.items():
        found = digests.of(path)
        if found == file.sha256:
            continue
        if found is None:
            if CACHED not in Path(path).parts:
                yield mend_of(home, row, file, kind="missing_output", text=f"{path} is missing")
        elif finished.holds(path, found):
            yield _unrecorded(row, path)
        else:
            text = f"{path} has other bytes than were recorded ({found[:12]}, not {(file.sha256 or '')[:12]})"
            yield mend_of(home, row, file, kind="damaged_output", text=text)
    for path in partition_files(home, *partition(row), row["data_version"]):
        if path in expected:
            continue
        if finished.holds(path, digests.of(path) or ""):
            yield _unrecorded(row, path)
        else:
            text = f"{label(row)}: {path} is not among the files that were recorded"
            yield Flaw(kind="added_file", text=text, remedy=f"moved to {DAMAGED}/", mend=aside(home, path))


def _unrecorded(row: Row, path: str) -> Flaw:
    text = f"{label(row)}: {path} was written after its row in the ledger"
    return Flaw(kind="unrecorded_output", text=text, remedy=REMADE, remake=(partition(row),))
