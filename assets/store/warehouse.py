"""The warehouse: one DuckDB file, published as a whole from Parquet parts, readable at any time.

Parts (``parts/<table>/<name>.parquet``) are the source of truth. ``publish`` builds the file beside the old one
and renames it, so readers are never locked out and never see half a batch. It reads the parts after taking the
lock, so a later publish never has older rows. The storage version is one that DuckDB 1.0 reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection as Connection
from filelock import FileLock

from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.store.bootstrap import bootstrap_intervals
from assets.store.seeds import insert_seeds
from assets.store.sql_files import SqlFile, comment_statements, quoted, read_sql_files

STORAGE_VERSION = "v1.0.0"
_BUILD_PREFIX = ".publishing-"
_CACHE_NAME = "bootstrap_intervals.parquet"
_COMPUTED = "bootstrap_intervals"
_RESAMPLED = ("clip_metrics", "masked_audio", "context_window")
_SCORES = "select dataset, method, clip_id, audio, protocol, metric, evaluator, value from clip_metrics"
_POINTS = """
    select 'lmd_masked' as quantity, dataset, method, clip_id, mask_frames as frames, lmd_masked as value
    from masked_audio
    union all
    select 'lmd_unmasked', dataset, method, clip_id, mask_frames, lmd_unmasked from masked_audio
    union all
    select 'lmd_by_window', dataset, method, clip_id, window_frames, lmd from context_window
"""
Parts = dict[str, list[tuple[Path, Path]]]
# Columns whose name in the parts differs: `at` is a reserved word since DuckDB 2.
_NAME_IN_PARTS = {("materializations", "finished_at"): "at", ("dubs", "dubbed_at"): "at"}
_ACCEPTED = {
    "varchar": ("text",),
    "bigint": ("whole number",),
    "integer": ("whole number",),
    "double": ("number", "whole number"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp", "text"),
}


class WarehouseError(RuntimeError):
    """The warehouse can't be published or read; the message names the file and what would be right."""


def publish(home: Home) -> Path:
    """Builds the database from the current parts and replaces the published one atomically.

    Returns:
        Path of the published database.

    Raises:
        WarehouseError: a part has a wrong type, lacks a required column or contradicts itself
            on a key; the database that was published before stays.
    """
    home.parts.mkdir(parents=True, exist_ok=True)
    with FileLock(home.warehouse / ".publish.lock"):
        for left_over in home.warehouse.glob(f"{_BUILD_PREFIX}*"):
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(prefix=_BUILD_PREFIX, dir=home.warehouse) as folder:
            built = Path(folder) / home.database.name
            parts = _pin_parts(home.parts, Path(folder) / "parts")
            _build(built, parts, home.warehouse / _CACHE_NAME)
            with built.open("rb") as written:
                os.fsync(written.fileno())
            built.replace(home.database)
    return home.database


def connect(database: Path) -> Connection:
    """Opens the published database read-only; a later publish does not affect the connection.

    The file is attached to a new connection: ``duckdb.connect(path)`` would return the file that this process
    opened first, even after it was replaced.

    Raises:
        WarehouseError: there is no database, or it is not readable.
    """
    if not database.is_file():
        raise WarehouseError(
            f"{database}: there is no warehouse yet; `cals run` or `cals demo` publishes one"
        )
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"attach {quoted(str(database))} as warehouse (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise WarehouseError(f"{database}: not a readable DuckDB file: {error}") from error
    connection.execute("use warehouse")
    return connection


def query(database: Path, sql: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
    """Runs one statement on the published database; it can neither change the database nor write files.

    Raises:
        duckdb.Error: the statement is wrong.
    """
    with connect(database) as connection:
        connection.execute("set enable_external_access = false")
        result = connection.execute(sql, list(parameters))
        return result.df() if result.description else pd.DataFrame()


def _pin_parts(parts: Path, pinned: Path) -> Parts:
    """Hard links to all parts, so that a part that is replaced or merged meanwhile stays readable.

    Returns:
        Table name -> (original, link) of each of its parts.
    """
    while True:
        found = sorted(parts.glob("*/*.parquet"))
        try:
            return _link(found, pinned)
        except FileNotFoundError:  # a writer replaced or merged parts after they were listed
            shutil.rmtree(pinned)


def _link(found: Sequence[Path], pinned: Path) -> Parts:
    by_table: Parts = {}
    for number, path in enumerate(found):
        link = pinned / path.parent.name / f"{number:06d}.parquet"
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, link)
        except FileNotFoundError:
            raise
        except OSError:  # no hard links on this file system
            shutil.copyfile(path, link)
        by_table.setdefault(path.parent.name, []).append((path, link))
    return by_table


def _build(database: Path, parts: Parts, cache: Path) -> None:
    files = read_sql_files()
    with duckdb.connect(":memory:") as connection:
        version = quoted(STORAGE_VERSION)
        connection.execute(f"attach {quoted(str(database))} as built (storage_version {version})")
        connection.execute("use built")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("begin")  # one transaction: otherwise every comment is written to disk by itself
        for file in files.values():
            if file.folder == "schema":
                connection.execute(file.sql)
                _fill(connection, file, parts.get(file.name, []))
        _fill_intervals(connection, parts, cache)
        for file in files.values():
            if file.folder != "schema":
                connection.execute(file.sql)
            for statement in comment_statements(file):
                connection.execute(statement)
        connection.execute("commit")
        connection.execute("use memory")
        connection.execute("detach built")


def _fill(connection: Connection, file: SqlFile, parts: list[tuple[Path, Path]]) -> None:
    insert_seeds(connection, file.name)
    if file.name == _COMPUTED:
        return
    by_columns: dict[tuple[str, ...], list[tuple[Path, Path]]] = {}
    for original, link in parts:
        by_columns.setdefault(_usable_columns(file, original, link), []).append((original, link))
    for columns, group in by_columns.items():
        _insert(connection, file, columns, group)
    _check_key(connection, file)


def _insert(
    connection: Connection,
    file: SqlFile,
    columns: tuple[str, ...],
    group: list[tuple[Path, Path]],
) -> None:
    into = ", ".join(columns)
    selected = ", ".join(f'"{_NAME_IN_PARTS.get((file.name, name), name)}"' for name in columns)
    statement = (
        f"insert into {file.name} ({into}) select {selected} from read_parquet(?, union_by_name = true)"
    )
    try:
        connection.execute(statement, [[str(link) for _, link in group]])
    except duckdb.Error as error:
        if len(group) > 1:  # which of them does not fit
            for one in group:
                _insert(connection, file, columns, [one])
        raise WarehouseError(f"{group[0][0]}: does not fit the table {file.name}: {error}") from error


def _usable_columns(file: SqlFile, original: Path, link: Path) -> tuple[str, ...]:
    """Columns of the table that a part has values for; further columns of the part are ignored."""
    try:
        schema = pq.read_schema(link)
    except (pa.ArrowInvalid, OSError) as error:
        raise WarehouseError(
            f"{original}: not a Parquet file: {error}; remove it or run its stage again"
        ) from error
    types = {field.name: field.type for field in schema}
    kinds = {}
    for column in file.columns:
        name = _NAME_IN_PARTS.get((file.name, column.name), column.name)
        kind = kinds[column.name] = _kind(types.get(name, pa.null()))
        if kind == "null" and column.required:
            raise WarehouseError(f"{original}: lacks the column {name}, which {file.name} requires")
        if kind != "null" and kind not in _ACCEPTED[column.sql_type]:
            raise WarehouseError(
                f"{original}: column {name} holds {types[name]}; {file.name} wants "
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


def _check_key(connection: Connection, file: SqlFile) -> None:
    """Drops rows that are equal in two parts (a merge in progress); raises where rows contradict each other."""
    key = ", ".join(file.key)
    find_repeated = f"select {key} from {file.name} group by {key} having count(*) > 1 limit 1"
    if connection.execute(find_repeated).fetchone() is None:
        return
    columns = ", ".join(column.name for column in file.columns)
    connection.execute(
        f"delete from {file.name} where rowid not in (select min(rowid) from {file.name} group by {columns})"
    )
    repeated = connection.execute(find_repeated).fetchone()
    if repeated is not None:
        shown = ", ".join(f"{name} = {value}" for name, value in zip(file.key, repeated, strict=True))
        raise WarehouseError(f"{file.name}: several rows have {shown}; each may be there once, in one part")


def _fill_intervals(connection: Connection, parts: Parts, cache: Path) -> None:
    """Fills ``bootstrap_intervals``, from the cache where scores and code are those of the last publish."""
    digest = hashlib.sha256()
    for table in _RESAMPLED:
        digest.update(table.encode("ascii"))
        for _, link in parts.get(table, []):
            digest.update(hashlib.sha256(link.read_bytes()).digest())
    better = dict(connection.execute("select metric, better from metric_definitions order by 1").fetchall())
    digest.update(json.dumps(better).encode("utf-8"))
    digest.update(Path(__file__).with_name("bootstrap.py").read_bytes())
    source = {b"computed_from": digest.hexdigest().encode("ascii")}
    if not cache.exists() or pq.read_schema(cache).metadata != source:
        scores, points = connection.execute(_SCORES).df(), connection.execute(_POINTS).df()
        table = pa.Table.from_pandas(bootstrap_intervals(scores, better, points), preserve_index=False)
        with replacing(cache) as temporary:
            pq.write_table(table.replace_schema_metadata(source), temporary)
    if pq.read_metadata(cache).num_rows:
        connection.execute(f"insert into {_COMPUTED} by name select * from read_parquet(?)", [str(cache)])
