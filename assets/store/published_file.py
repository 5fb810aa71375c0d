"""What protects the published database from the clients that open it, and the record of what was published.

A client that opens ``cals.duckdb`` for writing keeps its changes in ``cals.duckdb.wal`` until it closes, and DuckDB replays
a log that it finds beside a database, whoever left it. So the log's name is taken: it is a symbolic link into a folder that
is never there. DuckDB takes that for no log when it opens the database, for reading or writing, and fails to
commit any change. ``published.json`` names the bytes that were published and the parts that they were built from.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.store import ledger
from assets.store.file_digests import FileDigests, sha256_of
from cals_models.digests import digest_of

RECORD_NAME = "published.json"
LEDGER_TABLES = ("materializations", "recorded_files")
_NO_LOG = "the-published-warehouse-is-not-written-to/see-docs-warehouse"


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the last publish left.

    Args:
        sha256: of the database's bytes.
        bytes: size of the database.
        parts: digest of the parts that it was built from (``parts_digest``).
        heads: digests of the newest rows of the ledger that it was built from.
    """

    sha256: str
    bytes: int
    parts: str
    heads: list[str]


def log_path(database: Path) -> Path:
    """Where DuckDB keeps changes that are not in the database yet."""
    return database.with_name(f"{database.name}.wal")


def close_to_writers(database: Path) -> None:
    """Removes what a writing client left, and takes the log's name so that none can leave anything.

    A client that is still open keeps writing to a file without a name.
    """
    if is_closed_to_writers(database):
        return
    for left in database.parent.glob(f"{database.name}.wal.*"):
        left.unlink(missing_ok=True)
    temporary = database.with_name(f".{database.name}.wal.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(_NO_LOG)
    os.replace(temporary, log_path(database))


def is_closed_to_writers(database: Path) -> bool:
    """Whether the log's name is taken, and nothing of an earlier log is left."""
    log = log_path(database)
    return log.is_symlink() and not log.exists() and not any(database.parent.glob(f"{database.name}.wal.*"))


def parts_digest(home: Home, digests: FileDigests) -> str:
    """Digest of the content of all parts: table parts by their bytes, kept ones by their names, the ledger by its rows.

    Parts of the ledger are merged at times; their rows stay the same. The name of a kept part is its digest.
    """
    paths = [
        path.relative_to(home.root).as_posix()
        for path in sorted(home.parts.glob("*/*.parquet"))
        if path.parent.name not in LEDGER_TABLES
    ]
    kept = sorted(path.name for path in home.history.glob("*/*"))
    return digest_of([(path, digests.of(path)) for path in paths], kept, sorted(ledger.row_names(home)))


def record_published(home: Home, parts: str, heads: list[str]) -> None:
    """Records the database that was just put in place.

    Args:
        parts: digest of the parts, taken before it was built.
        heads: digests of the newest rows of the ledger, likewise.
    """
    size = home.database.stat().st_size
    record = Published(sha256=sha256_of(home.database), bytes=size, parts=parts, heads=heads)
    write_text(home.warehouse / RECORD_NAME, json.dumps(asdict(record), indent=1) + "\n")


def read_published(home: Home) -> Published | None:
    """The record of the last publish; None if there is none or it is not readable."""
    try:
        content = json.loads((home.warehouse / RECORD_NAME).read_text(encoding="utf-8"))
        return Published(**content)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def is_as_published(home: Home, digests: FileDigests) -> bool:
    """Whether the database holds the bytes that were published, and no log can be replayed onto it."""
    record = read_published(home)
    name = home.database.relative_to(home.root).as_posix()
    return record is not None and is_closed_to_writers(home.database) and digests.of(name) == record.sha256


def lost_heads(home: Home) -> list[str]:
    """Digests of rows that the published database has as the newest, and the ledger lacks."""
    record = read_published(home)
    return [] if record is None else sorted(set(record.heads) - ledger.row_names(home))
