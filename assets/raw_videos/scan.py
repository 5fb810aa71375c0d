"""Hashes a dataset's files, reading only those whose size or modification time changed since the last scan."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets.raw_videos.walk import FoundFile, local_path, walk
from assets.store.table_parts import read_part

SCHEMA = pa.schema(
    [
        pa.field("relative_path", pa.string(), nullable=False),
        pa.field("bytes", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("problem", pa.string()),
        pa.field("hashed_at_ns", pa.int64()),
    ]
)

# A file hashed within this time after it was written may change again under the same time stamp: it is hashed again.
RACY_NS = 2_000_000_000

READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The files below a dataset's root.

    Attributes:
        table: one row a file (`SCHEMA`), sorted by path; `sha256` is null exactly where `problem` is not.
        digest: sha256 over every (path, hash or problem): the data version of the raw videos.
        num_hashed: files read in this scan; the others were known by (path, size, mtime_ns).
        num_bytes_hashed: bytes read in this scan.
    """

    table: pa.Table
    digest: str
    num_hashed: int
    num_bytes_hashed: int


def scan(
    root: Path | str,
    wanted: Callable[[str], bool],
    cache_path: Path | str | None,
    *,
    num_threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Scan:
    """Lists and hashes the files of a dataset.

    Args:
        root: the dataset's folder.
        wanted: whether the layout reads the file of a relative path (text form).
        cache_path: Parquet file of the last scan; read if it exists, replaced atomically if anything changed.
        num_threads: files hashed at once.
        progress: called with (files hashed, files to hash).

    Returns:
        The rows, their digest and how much was read. Files that vanished have no row.

    Raises:
        FileNotFoundError, NotADirectoryError: if the root is not a folder.
    """
    files = walk(root, wanted)
    last = _read_cache(cache_path)
    if last is not None and _is_unchanged(files, last):
        return Scan(table=last, digest=content_digest(last), num_hashed=0, num_bytes_hashed=0)
    known = _trusted(last)
    rows: list[tuple[str, int | None, int | None, str | None, str | None, int | None]] = []
    due: list[int] = []
    for at, file in enumerate(files):
        cached = known.get((file.relative_path, file.num_bytes, file.mtime_ns))
        if file.problem is None and cached is None:
            due.append(at)
        sha256, hashed_at_ns = cached or (None, None)
        rows.append((file.relative_path, file.num_bytes, file.mtime_ns, sha256, file.problem, hashed_at_ns))
    num_bytes = 0
    with ThreadPoolExecutor(max_workers=num_threads) as pool:
        hashed = pool.map(lambda at: _hash(root, files[at]), due)
        for done, (at, row) in enumerate(zip(due, hashed, strict=True), start=1):
            rows[at] = row
            num_bytes += row[1] or 0
            if progress is not None:
                progress(done, len(due))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    table = pa.table(arrays, schema=SCHEMA)
    if cache_path is not None and (due or len(known) != len(rows)):
        _write_cache(table, Path(cache_path))
    return Scan(table=table, digest=content_digest(table), num_hashed=len(due), num_bytes_hashed=num_bytes)


def content_digest(table: pa.Table) -> str:
    """Digest of (path, hash or problem): a touched or moved folder with the same content keeps its digest."""
    columns = (table[name].to_pylist() for name in ("relative_path", "sha256", "problem"))
    lines = [f"{path}\0{sha256 or problem}\n" for path, sha256, problem in zip(*columns, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_unchanged(files: list[FoundFile], last: pa.Table) -> bool:
    """Whether the last scan lists exactly these files, each hashed well after it was written."""
    paths, sizes, times, hashes, hashed_at = (
        last[name].to_pylist() for name in ("relative_path", "bytes", "mtime_ns", "sha256", "hashed_at_ns")
    )
    return (
        paths == [file.relative_path for file in files]
        and sizes == [file.num_bytes for file in files]
        and times == [file.mtime_ns for file in files]
        and None not in hashes
        and all(time_ns + RACY_NS < at_ns for time_ns, at_ns in zip(times, hashed_at, strict=True))
    )


def _hash(
    root: Path | str, file: FoundFile
) -> tuple[str, int | None, int | None, str | None, str | None, int | None]:
    """Hashes one file; a file that changes meanwhile is read once more, then reported."""
    path = local_path(root, file.relative_path)
    before = None
    for _ in range(2):
        try:
            with open(path, "rb", buffering=0) as stream:
                before = os.fstat(stream.fileno())
                sha256 = _digest_of(stream.fileno(), before.st_size)
                after = os.stat(path)
        except OSError:
            return file.relative_path, file.num_bytes, file.mtime_ns, None, "unreadable", None
        if sha256 and (before.st_size, before.st_mtime_ns, before.st_ino) == (
            after.st_size,
            after.st_mtime_ns,
            after.st_ino,
        ):
            return file.relative_path, before.st_size, before.st_mtime_ns, sha256, None, time.time_ns()
    return file.relative_path, None, None, None, "changed_while_read", None


def _digest_of(descriptor: int, num_bytes: int) -> str | None:
    """Sha256 of exactly the first `num_bytes`, so that a growing file ends; None if the file is shorter."""
    digest = hashlib.sha256()
    left = num_bytes
    while left > 0:
        block = os.read(descriptor, min(READ_BYTES, left))
        if not block:
            return None
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


def _read_cache(cache_path: Path | str | None) -> pa.Table | None:
    """The last scan; None if there is none or its file can't be read."""
    if cache_path is None or not os.path.exists(cache_path):
        return None
    try:
        table = read_part(Path(cache_path))
    except (OSError, pa.ArrowInvalid):
        return None
    return table if table.schema.names == SCHEMA.names else None


def _trusted(last: pa.Table | None) -> dict[tuple[str, int | None, int | None], tuple[str, int]]:
    """(path, size, mtime_ns) -> (sha256, time hashed) of the last scan, without rows whose file may have changed under its time stamp."""
    if last is None:
        return {}
    columns = [last.column(name).to_pylist() for name in SCHEMA.names]
    return {
        (path, size, mtime_ns): (sha256, hashed_at_ns)
        for path, size, mtime_ns, sha256, _, hashed_at_ns in zip(*columns, strict=True)
        if sha256 is not None and mtime_ns + RACY_NS < hashed_at_ns
    }


def _write_cache(table: pa.Table, cache_path: Path) -> None:
    cache_path.parent.mkdir(parents=True, exist_ok=True)
    temporary = cache_path.with_name(f".{cache_path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            pq.write_table(table, stream, compression="zstd")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, cache_path)
    finally:
        temporary.unlink(missing_ok=True)
