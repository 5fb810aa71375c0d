"""The ledger: one row for each materialisation, appended as a Parquet part of its own (DESIGN 5).

Each row has a digest of itself (``row_digest``), names the digest of the files that were left (``files_digest``) and those of
the newest rows that its writer saw (``heads_json``): whoever changes or removes a row contradicts all later ones. Two writers at
once name the same rows, and the next one names both.
"""

from __future__ import annotations

import json
import platform
import subprocess
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from assets.project.atomic_files import replacing
from assets.project.code_version import PROJECT_ROOT, CodeVersion
from assets.project.home import Home
from assets.project.installed import installed_version, platform_versions
from assets.store.code_store import code_files as code_files
from assets.store.code_store import recall_code as recall_code
from assets.store.code_store import remember_code as remember_code
from assets.store.file_digests import FileDigests
from assets.store.file_records import (
    RecordedFile,
    command_records,
    look_at,
    merge_records,
    record_of,
    write_record,
)
from assets.store.kept_parts import keep_parts
from assets.store.ledger_chain import EPOCH as EPOCH
from assets.store.ledger_chain import Nodes, digest_of_row, tips_of
from assets.store.table_parts import merge_parts, read_part

TABLE = "materializations"
COMPACT_ABOVE = 64
SCHEMA = pa.schema([
    ("materialization_id", pa.string()),
    ("asset", pa.string()),
    ("dataset", pa.string()),
    ("method", pa.string()),
    ("at", pa.timestamp("us", tz="UTC")),
    ("data_version", pa.string()),
    ("code_version", pa.string()),
    ("settings_json", pa.string()),
    ("inputs_json", pa.string()),
    ("dagster_run_id", pa.string()),
    ("mlflow_run_id", pa.string()),
    ("git_commit", pa.string()),
    ("git_dirty", pa.bool_()),
    ("library_versions_json", pa.string()),
    ("host", pa.string()),
    ("device", pa.string()),
    ("duration_s", pa.float64()),
    ("num_clips", pa.int64()),
    ("counts_json", pa.string()),
    ("blocked_by", pa.string()),
    ("checks_json", pa.string()),
    ("imported_from", pa.string()),
    ("parts_json", pa.string()),
    ("files_digest", pa.string()),
    ("heads_json", pa.string()),
    ("row_digest", pa.string()),
    ("parts_read_json", pa.string()),
])  # fmt: skip
RECORDED_LIBRARIES = (
    "torch", "torchaudio", "numpy", "dagster", "mlflow", "duckdb", "webdataset", "av", "dlib-bin",
    "opencv-python-headless", "simplejpeg",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImportedFrom:
    """Origin of a model that another machine trained.

    Args:
        folder: which it was imported from.
        host: name of that machine.
        library_versions: library -> version there.
    """

    folder: str
    host: str
    library_versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One materialisation.

    Args:
        inputs: name of each input (asset, ``asset|method``, source) -> its data version.
        parts_read: name of an input that is read in part -> version of that part, which alone makes the asset stale.
        counts: e.g. accepted and rejected clips.
        blocked_by: name of the blocking check that failed, or None.
        checks: name of each check -> passed, blocking, description.
        imported_from: set for a model that another machine trained; host and libraries are then those of that machine.
    """

    asset: str
    dataset: str
    method: str | None
    data_version: str
    code_version: str
    settings: dict[str, Any]
    inputs: dict[str, str]
    dagster_run_id: str
    duration_s: float
    num_clips: int | None = None
    mlflow_run_id: str | None = None
    device: str = "cpu"
    counts: dict[str, Any] = field(default_factory=dict)
    blocked_by: str | None = None
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts_read: dict[str, str] = field(default_factory=dict)
    imported_from: ImportedFrom | None = None
    materialization_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def _folder(home: Home) -> Path:
    return home.parts / TABLE


@lru_cache(maxsize=1)
def _git_state() -> tuple[str | None, bool | None]:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), *words], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None  # not a git checkout: the columns are null; the code version identifies the code


class LedgerError(ValueError):
    """A part of the ledger is not readable; the message names it and the remedy."""


def append(
    home: Home,
    entry: Entry,
    code: CodeVersion,
    files: Sequence[RecordedFile] | None = None,
    chosen: CodeVersion | None = None,
) -> str:
    """Appends a materialisation atomically, after its parts of versioned tables are kept.

    Args:
        code: of the stage.
        files: that it left in the home, besides the files of its code; None if they are not known.
        chosen: code that the partition chose by name, if any.

    Returns:
        The row's materialization_id.
    """
    versions = [code] if chosen is None or not chosen.definitions else [code, chosen]
    for version in versions:
        remember_code(home, version)
    kept = keep_parts(home, entry.asset, entry.dataset, entry.method)
    if files is not None:
        files = [*files, *_code_files(home, versions)]
    record = record_of(entry.materialization_id, files or ())
    write_record(home, record)
    commit, dirty = _git_state()
    now = datetime.now(UTC)
    row = {
        "materialization_id": entry.materialization_id,
        "asset": entry.asset,
        "dataset": entry.dataset,
        "method": entry.method,
        "at": now,
        "data_version": entry.data_version,
        "code_version": entry.code_version,
        "settings_json": json.dumps(entry.settings, sort_keys=True),
        "inputs_json": json.dumps(entry.inputs, sort_keys=True),
        "dagster_run_id": entry.dagster_run_id,
        "mlflow_run_id": entry.mlflow_run_id,
        "git_commit": commit,
        "git_dirty": dirty,
        "library_versions_json": json.dumps(_libraries(entry, versions), sort_keys=True),
        "host": entry.imported_from.host if entry.imported_from else platform.node(),
        "device": entry.device,
        "duration_s": entry.duration_s,
        "num_clips": entry.num_clips,
        "counts_json": json.dumps(entry.counts, sort_keys=True),
        "blocked_by": entry.blocked_by,
        "checks_json": json.dumps(entry.checks, sort_keys=True),
        "imported_from": entry.imported_from.folder if entry.imported_from else None,
        "parts_json": json.dumps(kept, sort_keys=True),
        "files_digest": None if files is None else record.digest,
        "heads_json": json.dumps(tips(home)),
        "parts_read_json": json.dumps(entry.parts_read, sort_keys=True),
    }
    row["row_digest"] = digest_of_row(row)
    stamp = now.strftime("%Y%m%dT%H%M%S%f")
    with replacing(_folder(home) / f"{stamp}-{entry.materialization_id[:8]}.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), temporary)
    return entry.materialization_id


def _libraries(entry: Entry, versions: Sequence[CodeVersion]) -> dict[str, str]:
    if entry.imported_from is not None:
        return entry.imported_from.library_versions
    always = {name: installed_version(name) for name in RECORDED_LIBRARIES}
    return always | platform_versions() | {k: v for code in versions for k, v in code.libraries.items()}


def _code_files(home: Home, versions: Iterable[CodeVersion]) -> tuple[RecordedFile, ...]:
    paths = {path for version in versions for path in code_files(home, version.digest)}
    names = sorted(path.relative_to(home.root).as_posix() for path in paths)
    return look_at(FileDigests(root=home.root), names)


def read(home: Home, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows, oldest first; a row that compaction has copied counts once."""
    return rows_of(_table(home, columns))


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of a table; Arrow's own conversion of times with a zone to ``datetime`` would load pandas."""
    times = table["at"].cast(pa.int64()).to_pylist()
    rows = table.drop_columns("at").to_pylist()
    return [{**row, "at": EPOCH + timedelta(microseconds=at)} for row, at in zip(rows, times, strict=True)]


def _table(home: Home, columns: list[str] | None = None) -> pa.Table:
    with locked(home):
        return table_of(part_paths(home), columns)


def table_of(paths: Iterable[Path], columns: list[str] | None = None) -> pa.Table:
    """Rows of some parts, oldest first, with all columns or some; a row that two parts hold counts once.

    Raises:
        LedgerError: a part is not readable.
    """
    wanted = None if columns is None else [*dict.fromkeys([*columns, "materialization_id", "at"])]
    parts = [_read(path, wanted) for path in paths]
    if not parts:
        return SCHEMA.empty_table()
    table = pa.concat_tables(parts, promote_options="default")
    for name in wanted or SCHEMA.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), SCHEMA.field(name).type))
    first: dict[str, int] = {}
    for index, key in enumerate(table["materialization_id"].to_pylist()):
        first.setdefault(key, index)
    if len(first) < len(table):
        table = table.take(list(first.values()))
    return table.sort_by("at")


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return read_part(path, columns)
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(
            f"{path}: not a readable part of the ledger ({error}); `cals run` restores its rows where the published "
            "database has them, and keeps the file in damaged/; else put the file back from a copy of the home"
        ) from error


def part_paths(home: Home) -> list[Path]:
    """Files of the ledger."""
    return sorted(_folder(home).glob("*.parquet"))


def nodes(home: Home) -> Nodes:
    """All rows and commands' records that have a digest, with the digests that they name."""
    table = _table(home, ["row_digest", "heads_json"])
    found = dict(zip(table["row_digest"].to_pylist(), table["heads_json"].to_pylist(), strict=True))
    found |= {record.digest: record.heads_json for record in command_records(home).values()}
    return {digest: json.loads(heads or "[]") for digest, heads in found.items() if digest}


def tips(home: Home) -> list[str]:
    """Digests of the newest rows and records."""
    return tips_of(nodes(home))


def row_names(home: Home) -> set[str]:
    """Digests of all rows and commands' records; of a row of an earlier version its id."""
    table = _table(home, ["row_digest"])
    pairs = zip(table["row_digest"].to_pylist(), table["materialization_id"].to_pylist(), strict=True)
    return {digest or row_id for digest, row_id in pairs} | {
        record.digest for record in command_records(home).values()
    }


def locked(home: Home) -> FileLock:
    """Held while parts are listed and read, or merged; appending needs no lock."""
    _folder(home).mkdir(parents=True, exist_ok=True)
    return FileLock(home.warehouse / ".ledger.lock")


Heads = dict[tuple[str, str, str | None], dict[str, Any]]


def heads(home: Home) -> Heads:
    """The latest row of each (asset, dataset, method)."""
    table = _table(home, [name for name in SCHEMA.names if name != "library_versions_json"])
    keys = zip(*(table[name].to_pylist() for name in ("asset", "dataset", "method")), strict=True)
    last = {key: index for index, key in enumerate(keys)}
    # Slices, since `take` of a list of indices would load pandas too.
    return {key: rows_of(table.slice(index, 1))[0] for key, index in last.items()}


def compact(home: Home) -> None:
    """Merges the parts into one where there are more than ``COMPACT_ABOVE``, so that reading stays fast."""
    with locked(home):
        parts = part_paths(home)
        if len(parts) > COMPACT_ABOVE:
            merge_parts(parts, SCHEMA, ["materialization_id"], "at")
        merge_records(home, COMPACT_ABOVE)
