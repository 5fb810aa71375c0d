"""Compares the published database, row by row, with one that is built again from the parts."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.project.home import Home
from pipelines.repair.flaw import Flaw
from pipelines.repair.warehouse import mend_database

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

SHOWN = 20
_CATALOG = {
    "table": "select table_name, comment from duckdb_tables() where database_name = ?",
    "view": "select view_name, sql || coalesce(comment, '') from duckdb_views() where database_name = ? and not internal",
    "column": "select table_name || '.' || column_name, data_type || coalesce(comment, '') from duckdb_columns() "
    "where database_name = ? and not internal",
}


def find_database_flaws(home: Home, damaged: Collection[str] = ()) -> Iterator[Flaw]:
    """Rows, views and comments of the database that are not those of its parts.

    Args:
        damaged: tables whose parts are damaged, which are left out.
    """
    import duckdb

    from assets.store.warehouse import WarehouseError, build_again

    if not home.database.exists():
        return
    name = home.database.relative_to(home.root)
    with tempfile.TemporaryDirectory(prefix=".comparing-", dir=home.warehouse) as folder:
        try:
            built = build_again(home, Path(folder))
            yield from _cache_flaws(home, Path(folder))
            with duckdb.connect(":memory:") as connection:
                for alias, path in (("published", home.database), ("built", built)):
                    connection.execute(
                        f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {alias} (read_only)"
                    )
                texts = [*_catalog_differences(connection), *_row_differences(connection, damaged)]
        except WarehouseError as error:
            texts = [str(error)]
        except duckdb.Error as error:
            texts = [str(error).splitlines()[0]]
    for text in texts:
        yield mend_database(home, "warehouse_differs", f"{name}: {text}")


def _cache_flaws(home: Home, folder: Path) -> Iterator[Flaw]:
    """Cached bootstrap intervals other than those that were computed now from the same values."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from assets.store.warehouse import INTERVALS_NAME

    cached, fresh = home.warehouse / INTERVALS_NAME, folder / INTERVALS_NAME
    if not cached.exists() or cached.read_bytes() == fresh.read_bytes():
        return
    try:
        is_newer = pq.read_schema(cached).metadata != pq.read_schema(fresh).metadata
    except (pa.ArrowException, OSError):
        is_newer = False
    if not is_newer:
        text = f"{cached.relative_to(home.root)} holds other intervals than are computed from the parts"
        mend = partial(cached.unlink, missing_ok=True)
        yield Flaw(kind="damaged_cache", text=text, remedy="removed; computed again", mend=mend)


def _catalog_differences(connection: Connection) -> Iterator[str]:
    from assets.store.sql_files import read_sql_files

    files = read_sql_files()
    for kind, sql in _CATALOG.items():
        published, built = (
            dict(connection.execute(sql, [alias]).fetchall()) for alias in ("published", "built")
        )
        for name in sorted({*published, *built}):
            if kind != "table" and name.partition(".")[0] not in files:
                continue  # a user's own, from their own SQL
            if name not in published:
                yield f"the {kind} {name} is gone"
            elif name not in built:
                yield f"the {kind} {name} was added"
            elif published[name] != built[name]:
                yield f"the {kind} {name} was changed"


def _row_differences(connection: Connection, damaged: Collection[str]) -> Iterator[str]:
    from assets.store.sql_files import read_sql_files
    from assets.store.table_rows import parts_name

    files = read_sql_files()
    keys = {file.name: file.key for file in files.values()}
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'built' intersect "
        "select table_name from duckdb_tables() where database_name = 'published'"
    ).fetchall()
    for (table,) in sorted(tables):
        of_parts = table in files and files[table].folder == "schema" and table != "bootstrap_intervals"
        if parts_name(table) in damaged or (damaged and not of_parts):
            continue
        key = ", ".join(keys.get(table) or ["*"])
        for one, other, words in (
            ("published", "built", "which its parts lack"),
            ("built", "published", "which it lacks"),
        ):
            sql = f"select {key} from (select * from {one}.{table} except all select * from {other}.{table}) limit {SHOWN}"
            for row in connection.execute(sql).fetchall():
                yield f"{table} has the row {_shown(keys.get(table, []), row)}, {words}"


def _shown(key: list[str], row: tuple[Any, ...]) -> str:
    pairs = zip(key, row, strict=False) if key else enumerate(row)
    return ", ".join(f"{name} = {value}" for name, value in pairs)
