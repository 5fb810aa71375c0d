"""Fills one table of the warehouse from its parts, strictly: what does not fit is named with its file."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection as Connection
from duckdb import Error as DuckDBError

from assets.store.part_versions import VERSION_COLUMNS
from assets.store.pinned_parts import Parts, PinnedPart
from assets.store.seeds import insert_seeds
from assets.store.sql_files import SqlFile

_VERSIONS = pa.schema([
    ("link", pa.string()),
    ("materialization_id", pa.string()),
    ("data_version", pa.string()),
    ("code_version", pa.string()),
    ("git_commit", pa.string()),
    ("git_dirty", pa.bool_()),
    ("finished_at", pa.timestamp("us", tz="UTC")),
    ("is_current", pa.bool_()),
])  # fmt: skip
HISTORY = "_history"
"""Ending of a table with every version of the parts of the table without it."""
# Columns whose name in the parts differs: `at` is a reserved word since DuckDB 2.
_NAME_IN_PARTS = {("materializations", "finished_at"): "at", ("dubs", "dubbed_at"): "at"}
_ACCEPTED = {
    "varchar": ("text",),
    "bigint": ("whole number",),
    "integer": ("whole number",),
    "double": ("number", "whole number"),
    "boolean": ("boolean",),
    "timestamptz": ("timestamp", "text"),
    "json": ("text",),
}


class WarehouseError(RuntimeError):
    """The warehouse can't be published or read; the message names the file and what would be right."""


def parts_name(table: str) -> str:
    """Folder of the parts that a table is filled from."""
    return table.removesuffix(HISTORY)


def fill_table(connection: Connection, file: SqlFile, parts: Sequence[PinnedPart]) -> None:
    """Inserts the rows that come with the project, and those of all parts.

    Args:
        connection: where the table is, empty.
        file: declares it.
        parts: of a history table with their versions.

    Raises:
        WarehouseError: a part does not fit, or rows contradict each other.
    """
    insert_seeds(connection, file.name)
    by_columns: dict[tuple[str, ...], list[PinnedPart]] = {}
    for part in parts:
        by_columns.setdefault(_usable_columns(file, part), []).append(part)
    for columns, group in by_columns.items():
        _insert(connection, file, columns, group)
    check_key(connection, file)


def register_versions(connection: Connection, parts: Parts) -> None:
    """Makes the versions of kept parts known to a connection, for `fill_table`."""
    pinned = [part for group in parts.values() for part in group if part.version is not None]
    rows = [{"link": str(part.link), **(part.version or {})} for part in pinned]
    connection.register("part_versions", pa.Table.from_pylist(rows, schema=_VERSIONS))


def _insert(
    connection: Connection, file: SqlFile, columns: tuple[str, ...], group: Sequence[PinnedPart]
) -> None:
    statement = _insert_statement(file, columns)
    try:
        connection.execute(statement, [[str(part.link) for part in group]])
    except DuckDBError as error:
        part, why = _misfit(file, statement, group) or (group[0], error)
        raise WarehouseError(
            f"{part.original}: does not fit the table {parts_name(file.name)}: {why}"
        ) from error


def _insert_statement(file: SqlFile, columns: tuple[str, ...]) -> str:
    names, values = list(columns), [f'parts."{_name_in_parts(file, name)}"' for name in columns]
    source = "read_parquet(?, union_by_name = true, filename = true) as parts"
    if file.name.endswith(HISTORY):
        names += VERSION_COLUMNS
        values += [f"part_versions.{name}" for name in VERSION_COLUMNS]
        source += " inner join part_versions on parts.filename = part_versions.link"
    return f"insert into {file.name} ({', '.join(names)}) select {', '.join(values)} from {source}"


def _misfit(
    file: SqlFile, statement: str, group: Sequence[PinnedPart]
) -> tuple[PinnedPart, DuckDBError] | None:
    """The first part of a group that does not fit by itself; tried elsewhere, since the error ended the transaction."""
    with duckdb.connect(":memory:") as trial:
        register_versions(trial, {file.name: list(group)})
        trial.execute(file.sql)
        for part in group:
            try:
                trial.execute(statement, [[str(part.link)]])
            except DuckDBError as error:
                return part, error
    return None


def _name_in_parts(file: SqlFile, column: str) -> str:
    return _NAME_IN_PARTS.get((file.name, column), column)


def _usable_columns(file: SqlFile, part: PinnedPart) -> tuple[str, ...]:
    """Columns of the table that a part has values for; further columns of the part are ignored."""
    try:
        schema = pq.read_schema(part.link)
    except (pa.ArrowInvalid, OSError) as error:
        raise WarehouseError(
            f"{part.original}: not a Parquet file: {error}; remove it or run its stage again"
        ) from error
    types = {field.name: field.type for field in schema}
    kinds, table = {}, parts_name(file.name)
    for column in file.columns:
        if file.name.endswith(HISTORY) and column.name in VERSION_COLUMNS:
            continue
        name = _name_in_parts(file, column.name)
        kind = kinds[column.name] = _kind(types.get(name, pa.null()))
        if kind == "null" and column.required:
            raise WarehouseError(f"{part.original}: lacks the column {name}, which {table} requires")
        if kind != "null" and kind not in _ACCEPTED[column.sql_type]:
            raise WarehouseError(
                f"{part.original}: column {name} holds {types[name]}; {table} wants "
                f"{' or '.join(_ACCEPTED[column.sql_type])} ({column.sql_type})"
            )
    return tuple(name for name, kind in kinds.items() if kind != "null")


def _kind(arrow_type: pa.DataType) -> str:
    """What a column holds, in the terms of ``_ACCEPTED``; the Arrow type's name for any other."""
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    tests = {
        "null": pa.types.is_null,
        "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
        "whole number": pa.types.is_integer,
        "number": pa.types.is_floating,
        "boolean": pa.types.is_boolean,
        "timestamp": pa.types.is_timestamp,
    }
    return next((kind for kind, test in tests.items() if test(arrow_type)), str(arrow_type))


def check_key(connection: Connection, file: SqlFile) -> None:
    """Drops rows that are equal in two parts (a merge in progress).

    A primary key would say the same to every client, but DuckDB 2 writes its index so that 1.0 can't open the file.

    Raises:
        WarehouseError: several rows have one key.
    """
    key = ", ".join(file.key)
    find_repeated = f"select {key} from {file.name} group by {key} having count(*) > 1 limit 1"
    if connection.execute(find_repeated).fetchone() is None:
        return
    if file.columns:
        columns = ", ".join(column.name for column in file.columns)
        connection.execute(
            f"delete from {file.name} where rowid not in (select min(rowid) from {file.name} group by {columns})"
        )
    repeated = connection.execute(find_repeated).fetchone()
    if repeated is not None:
        shown = ", ".join(f"{name} = {value}" for name, value in zip(file.key, repeated, strict=True))
        raise WarehouseError(
            f"{parts_name(file.name)}: several rows have {shown}; each may be there once, in one part"
        )
