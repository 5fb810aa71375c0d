"""Whole-ledger work: rows of an earlier version get digests, rows that were lost are written again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.store import ledger
from assets.store.file_records import RecordedFile, record_of, write_record
from assets.store.ledger_chain import sealed

FilesOf = Callable[[dict[str, Any]], Sequence[RecordedFile] | None]


def read_one(path: Path) -> list[dict[str, Any]]:
    """Rows of one part, with all columns.

    Raises:
        LedgerError: the file is not readable.
    """
    return ledger.rows_of(ledger.table_of([path]))


def seal(home: Home, files_of: FilesOf) -> int:
    """Gives digests to the rows that an earlier version wrote, and records their files.

    Args:
        files_of: the files of a row; None if they are not known.

    Returns:
        How many rows got one.
    """
    heads = ledger.tips(home)
    with ledger.locked(home):
        parts = ledger.part_paths(home)
        rows = ledger.rows_of(ledger.table_of(parts))
        bare = [row for row in rows if row["row_digest"] is None]
        if not bare:
            return 0
        for row in bare:
            files = files_of(row)
            if files is not None:
                record = record_of(row["materialization_id"], files)
                write_record(home, record)
                row["files_digest"] = record.digest
        whole = {row["materialization_id"]: row for row in sealed(bare, heads)}
        target = add_rows(home, [whole.get(row["materialization_id"], row) for row in rows])
        for path in parts:
            if path != target:
                path.unlink()
    return len(bare)


def add_rows(home: Home, rows: Sequence[dict[str, Any]]) -> Path:
    """Writes rows as one part of the ledger, as they are."""
    name = f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%f')}-all.parquet"
    path = home.parts / ledger.TABLE / name
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=ledger.SCHEMA), temporary, compression="zstd")
    return path
