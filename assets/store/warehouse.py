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
from assets.store import ledger
from assets.store.bootstrap import bootstrap_intervals
from assets.store.file_digests import FileDigests
from assets.store.pinned_parts import Parts, pin_parts
from assets.store.published_file import close_to_writers, lost_heads, parts_digest, record_published
from assets.store.sql_files import comment_statements, quoted, read_sql_files
from assets.store.table_rows import WarehouseError as WarehouseError
from assets.store.table_rows import check_key, fill_table, parts_name, register_versions
from assets.store.user_views import add_user_views

STORAGE_VERSION = "v1.0.0"
_BUILD_PREFIX = ".publishing-"
INTERVALS_NAME = "bootstrap_intervals.parquet"
_COMPUTED = "bootstrap_intervals"
_RESAMPLED = ("clip_metrics", "masked_audio", "context_window")
_SCORES = "select dataset, method, clip_id, audio, protocol, metric, evaluator, value from clip_metrics_history where is_current"
_POINTS = """
    select 'lmd_masked' as quantity, dataset, method, clip_id, mask_frames as frames, lmd_masked as value
    from masked_audio_history where is_current
    union all
    select 'lmd_unmasked', dataset, method, clip_id, mask_frames, lmd_unmasked
    from masked_audio_history where is_current
    union all
    select 'lmd_by_window', dataset, method, clip_id, window_frames, lmd
    from context_window_history where is_current
"""


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
        if lost_heads(home):
            raise WarehouseError(
                f"{home.parts}: rows of the ledger are gone that {home.database.name} still has; `cals run` restores them"
            )
        digests = FileDigests.open(home)
        state, heads = parts_digest(home, digests), ledger.tips(home)
        with tempfile.TemporaryDirectory(prefix=_BUILD_PREFIX, dir=home.warehouse) as folder:
            built = Path(folder) / home.database.name
            parts = pin_parts(home, Path(folder) / "parts")
            _build(built, parts, home, home.warehouse / INTERVALS_NAME)
            with built.open("rb") as written:
                os.fsync(written.fileno())
            close_to_writers(home.database)
            built.replace(home.database)
        record_published(home, state, heads)
        digests.save(home)
    return home.database


def build_again(home: Home, folder: Path) -> Path:
    """Builds the database from the current parts once more, without the cache, in a folder of its own.

    Args:
        folder: a new folder on the home's file system.

    Returns:
        Path of the database; nothing is published.
    """
    built = folder / home.database.name
    _build(built, pin_parts(home, folder / "parts"), home, folder / INTERVALS_NAME)
    return built


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
    connection.execute("set TimeZone = 'UTC'")
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


def _build(database: Path, parts: Parts, home: Home, cache: Path) -> None:
    files = read_sql_files()
    with duckdb.connect(":memory:") as connection:
        version = quoted(STORAGE_VERSION)
        connection.execute(f"attach {quoted(str(database))} as built (storage_version {version})")
        connection.execute("use built")
        connection.execute("set TimeZone = 'UTC'")
        register_versions(connection, parts)
        connection.execute("begin")  # one transaction: otherwise every comment is written to disk by itself
        for file in files.values():
            if file.folder == "schema":
                connection.execute(file.sql)
                if file.name != _COMPUTED:
                    fill_table(connection, file, parts.get(parts_name(file.name), []))
        _fill_intervals(connection, parts, cache)
        for file in files.values():
            if file.folder != "schema":
                connection.execute(file.sql)
                if file.kind == "table" and file.key:
                    check_key(connection, file)
            for statement in comment_statements(file):
                connection.execute(statement)
        connection.execute("commit")
        add_user_views(connection, home, files)
        connection.execute("use memory")
        connection.execute("detach built")


def _fill_intervals(connection: Connection, parts: Parts, cache: Path) -> None:
    """Fills ``bootstrap_intervals``, from the cache where scores and code are those of the last publish."""
    digest = hashlib.sha256(b"values in order\n")
    for table in _RESAMPLED:
        digest.update(table.encode("ascii"))
        for part in parts.get(table, []):
            if part.version is None or part.version["is_current"]:
                digest.update(hashlib.sha256(part.link.read_bytes()).digest())
    better = dict(connection.execute("select metric, better from metric_definitions order by 1").fetchall())
    digest.update(json.dumps(better).encode("utf-8"))
    digest.update(Path(__file__).with_name("bootstrap.py").read_bytes())
    source = {b"computed_from": digest.hexdigest().encode("ascii")}
    if not cache.exists() or pq.read_schema(cache).metadata != source:
        # In one order, so that the same values always give the same bytes.
        scores, points = (
            connection.execute(f"from ({values}) order by all").df() for values in (_SCORES, _POINTS)
        )
        table = pa.Table.from_pandas(bootstrap_intervals(scores, better, points), preserve_index=False)
        with replacing(cache) as temporary:
            pq.write_table(table.replace_schema_metadata(source), temporary)
    if pq.read_metadata(cache).num_rows:
        connection.execute(f"insert into {_COMPUTED} by name select * from read_parquet(?)", [str(cache)])
