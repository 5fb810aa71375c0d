"""Compares the published database with its parts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from assets.project.home import Home
from assets.store import file_records, ledger
from assets.store.file_digests import FileDigests
from assets.store.published_file import is_as_published, log_path, parts_digest, read_published
from pipelines.repair.flaw import Flaw

REMEDY = "published again"


def find_old_warehouse(home: Home, digests: FileDigests) -> Iterator[Flaw]:
    """A database that was not built from the parts that are there now, or that a client has changed since."""
    state = parts_digest(home, digests)
    if not home.database.exists() and not any(home.parts.glob("*/*.parquet")):
        return
    record = read_published(home)
    mend = partial(_publish, home)
    if not home.database.exists() or record is None or record.parts != state:
        text = f"{_name(home)} was not published from the tables as they are now"
        yield Flaw(kind="old_warehouse", text=text, remedy=REMEDY, mend=mend)
    if home.database.exists() and record is not None and not is_as_published(home, digests):
        log = log_path(home.database)
        left = f", and a client's changes lie in {log.name}" if log.is_file() else ""
        text = f"{_name(home)} does not hold the bytes that were published{left}"
        yield Flaw(kind="altered_warehouse", text=text, remedy=REMEDY, mend=mend)


def find_warehouse_differences(home: Home) -> Iterator[Flaw]:
    """Tables of the database with another number of rows than their parts, or other rows of the ledger."""
    if not home.database.exists():
        return
    found = list(_differences(home))
    if found:
        text = f"{_name(home)}: {'; '.join(found)}"
        yield Flaw(kind="warehouse_differs", text=text, remedy=REMEDY, mend=partial(_publish, home))


def _differences(home: Home) -> Iterator[str]:
    import duckdb

    from assets.store.warehouse import WarehouseError, query

    expected = _rows_in_parts(home)
    try:
        for table, num_rows in expected.items():
            found = int(query(home.database, f"select count(*) as n from {table}")["n"][0])
            if found != num_rows:
                yield f"{table} holds {found} rows, its parts {num_rows}"
        published = set(
            query(home.database, "select materialization_id from materializations")["materialization_id"]
        )
    except (
        WarehouseError,
        duckdb.Error,
    ) as error:  # DuckDB's error: a database of an earlier version lacks a table
        yield str(error).splitlines()[0]
        return
    recorded = {row["materialization_id"] for row in ledger.read(home, ["materialization_id"])}
    if published != recorded:
        yield f"{len(published ^ recorded)} materialisations are only in one of ledger and database"


def _rows_in_parts(home: Home) -> dict[str, int]:
    """Rows in the current parts of each table that comes from parts alone; a ledger row may be in two parts during a merge.

    Of a table whose every version stays the view of the current rows is counted.
    """
    import pyarrow.parquet as pq

    from assets.store.seeds import is_seeded
    from assets.store.sql_files import read_sql_files
    from assets.store.table_rows import parts_name

    computed = ("bootstrap_intervals", ledger.TABLE, file_records.TABLE)
    names = [parts_name(file.name) for file in read_sql_files().values() if file.folder == "schema"]
    return {
        name: sum(pq.read_metadata(path).num_rows for path in (home.parts / name).glob("*.parquet"))
        for name in names
        if name not in computed and not is_seeded(name)
    }


def mend_database(home: Home, kind: str, text: str) -> Flaw:
    """A flaw of the published database: publishing again mends it."""
    return Flaw(kind=kind, text=text, remedy=REMEDY, mend=partial(_publish, home))


def _name(home: Home) -> Path:
    return home.database.relative_to(home.root)


def _publish(home: Home) -> None:
    from assets.store.warehouse import publish

    publish(home)
