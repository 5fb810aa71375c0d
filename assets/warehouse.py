"""The warehouse: one DuckDB file, published whole from Parquet parts, read by anybody at any time.

Parts are the truth (``parts/<table>/<name>.parquet``). ``publish`` builds the file beside the old one and renames
it, so readers are never locked out and never see half a batch; the parts are read after the lock is taken,
so what is published never goes backwards. The file's storage version is one that DuckDB 1.0 reads.
"""

from __future__ import annotations

import hashlib
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
from filelock import FileLock

from assets.intervals import bootstrap_intervals
from assets.sql_files import SEEDS_FOLDER, SqlFile, comment_statements, quoted, read_sql_files

DATABASE_NAME = "cals.duckdb"
STORAGE_VERSION = "v1.0.0"
_BUILD_PREFIX = ".publishing-"
_CACHE_NAME = "bootstrap_intervals.parquet"
_COMPUTED = "bootstrap_intervals"
_ACCEPTED = {
    "varchar": ("text",),
    "bigint": ("whole number",),
    "integer": ("whole number",),
    "double": ("number", "whole number"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp", "text"),
}


class WarehouseError(RuntimeError):
    """The warehouse can't be published or read: which file, what is wrong, what would be right."""


def publish(warehouse: Path) -> Path:
    """Builds the database from the parts that are there now and puts it in place at once.

    Args:
        warehouse: folder that holds ``parts/``; the database goes beside them.

    Returns:
        Path of the published database.

    Raises:
        WarehouseError: a part has a wrong type, lacks a required column or repeats a key; the database
            that was published before stays.
    """
    warehouse.mkdir(parents=True, exist_ok=True)
    with FileLock(warehouse / ".publish.lock"):
        for left_over in warehouse.glob(f"{_BUILD_PREFIX}*"):
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(prefix=_BUILD_PREFIX, dir=warehouse) as folder:
            built = Path(folder) / DATABASE_NAME
            _build(built, _pin_parts(warehouse / "parts", Path(folder) / "parts"), warehouse)
            with built.open("rb") as written:
                os.fsync(written.fileno())
            built.chmod(0o644)
            os.replace(built, warehouse / DATABASE_NAME)
    return warehouse / DATABASE_NAME


def connect(database: Path) -> duckdb.DuckDBPyConnection:
    """Opens the published database read-only, as it is now; a later publish does not disturb the connection.

    The file is attached to a connection of its own: ``duckdb.connect(path)`` would hand out the file that
    this process opened first, even after another was put in its place.
    """
    if not database.is_file():
        raise WarehouseError(f"{database}: there is no warehouse yet; `cals run` or `cals demo` makes one")
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"attach {quoted(str(database))} as warehouse (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise WarehouseError(f"{database}: not a readable DuckDB file: {error}") from error
    connection.execute("use warehouse")
    return connection


def query(database: Path, sql: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
    """Answers one question from the published database; the statement can neither change nor write files.

    Raises:
        duckdb.Error: the statement is wrong.
    """
    with connect(database) as connection:
        connection.execute("set enable_external_access = false")
        result = connection.execute(sql, list(parameters))
        return result.df() if result.description else pd.DataFrame()


def _pin_parts(parts: Path, pinned: Path) -> dict[str, list[tuple[Path, Path]]]:
    """Hard links to all parts by table, as (original, link): a part replaced meanwhile stays readable."""
    by_table: dict[str, list[tuple[Path, Path]]] = {}
    for number, path in enumerate(sorted(parts.glob("*/*.parquet"))):
        link = pinned / path.parent.name / f"{number:06d}.parquet"
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, link)
        except FileNotFoundError:
            continue
        except OSError:
            shutil.copyfile(path, link)
        by_table.setdefault(path.parent.name, []).append((path, link))
    return by_table


def _build(database: Path, parts: dict[str, list[tuple[Path, Path]]], warehouse: Path) -> None:
    files = read_sql_files()
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {quoted(str(database))} as built (storage_version {quoted(STORAGE_VERSION)})")
        connection.execute("use built")
        connection.execute("set TimeZone = 'UTC'")
        tables = [file for file in files.values() if file.folder == "schema"]
        for file in tables:
            connection.execute(file.sql)
            _fill(connection, file, parts.get(file.name, []))
        _fill_intervals(connection, parts.get("clip_metrics", []), warehouse / _CACHE_NAME)
        for file in files.values():
            if file.folder != "schema":
                connection.execute(file.sql)
            for statement in comment_statements(file):
                connection.execute(statement)
        connection.execute("use memory")
        connection.execute("detach built")


def _fill(connection: duckdb.DuckDBPyConnection, file: SqlFile, parts: list[tuple[Path, Path]]) -> None:
    seed = SEEDS_FOLDER / f"{file.name}.csv"
    if seed.exists():
        connection.execute(f"insert into {file.name} by name from read_csv(?, header = true)", [str(seed)])
    if file.name == _COMPUTED:
        return
    alike: dict[tuple[str, ...], list[tuple[Path, Path]]] = {}
    for original, link in parts:
        alike.setdefault(_usable_columns(file, original, link), []).append((original, link))
    for columns, group in alike.items():
        _insert(connection, file, columns, group)
    _check_key(connection, file)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    file: SqlFile,
    columns: tuple[str, ...],
    group: list[tuple[Path, Path]],
) -> None:
    names = ", ".join(columns)
    statement = f"insert into {file.name} ({names}) select {names} from read_parquet(?, union_by_name = true)"
    try:
        connection.execute(statement, [[str(link) for _, link in group]])
    except duckdb.Error as error:
        if len(group) > 1:
            for one in group:
                _insert(connection, file, columns, [one])
        raise WarehouseError(f"{group[0][0]}: does not fit the table {file.name}: {error}") from error


def _usable_columns(file: SqlFile, original: Path, link: Path) -> tuple[str, ...]:
    """Columns of a part that the table has; extra ones are ignored, empty ones count as missing."""
    try:
        schema = pq.read_schema(link)
    except (pa.ArrowInvalid, OSError) as error:
        raise WarehouseError(f"{original}: not a Parquet file: {error}; remove it or make it again") from error
    kinds = {field.name: _kind(field.type) for field in schema}
    for column in file.columns:
        kind = kinds.get(column.name, "null")
        if kind == "null" and column.required:
            raise WarehouseError(f"{original}: lacks the column {column.name}, which the table {file.name} requires")
        if kind != "null" and kind not in _ACCEPTED[column.sql_type]:
            wanted = " or ".join(_ACCEPTED[column.sql_type])
            raise WarehouseError(
                f"{original}: column {column.name} holds {schema.field(column.name).type}; "
                f"the table {file.name} wants {wanted} ({column.sql_type})"
            )
    return tuple(column.name for column in file.columns if kinds.get(column.name, "null") != "null")


def _kind(arrow_type: pa.DataType) -> str:
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


def _check_key(connection: duckdb.DuckDBPyConnection, file: SqlFile) -> None:
    key = ", ".join(file.key)
    if not key:
        return
    repeated = connection.execute(
        f"select {key} from {file.name} group by {key} having count(*) > 1 limit 1"
    ).fetchone()
    if repeated:
        shown = ", ".join(f"{name} = {value}" for name, value in zip(file.key, repeated, strict=True))
        raise WarehouseError(f"{file.name}: more than one row has {shown}; two parts hold it, or one holds it twice")


def _fill_intervals(connection: duckdb.DuckDBPyConnection, parts: list[tuple[Path, Path]], cache: Path) -> None:
    """Fills ``bootstrap_intervals``, from the cache where the scores are those of the last publish."""
    digest = hashlib.sha256()
    for _, link in parts:
        digest.update(hashlib.sha256(link.read_bytes()).digest())
    for path in (Path(__file__).with_name("intervals.py"), SEEDS_FOLDER / "metric_definitions.csv"):
        digest.update(path.read_bytes())
    source = {b"scores_sha256": digest.hexdigest().encode("ascii")}
    if not cache.exists() or (pq.read_schema(cache).metadata or {}).get(b"scores_sha256") != source[b"scores_sha256"]:
        scores = connection.execute(
            "select dataset, method, clip_id, audio, protocol, metric, evaluator, value from clip_metrics"
        ).df()
        better = dict(connection.execute("select metric, better from metric_definitions").fetchall())
        table = pa.Table.from_pandas(bootstrap_intervals(scores, better), preserve_index=False)
        temporary = cache.with_name(f".{cache.name}.tmp")
        pq.write_table(table.replace_schema_metadata(source), temporary)
        os.replace(temporary, cache)
    if pq.read_metadata(cache).num_rows:
        connection.execute(f"insert into {_COMPUTED} by name select * from read_parquet(?)", [str(cache)])
