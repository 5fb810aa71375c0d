"""Contents that may no longer be used: consent was withdrawn (``cals forget``).

A withdrawal names a content hash, so that it applies to every copy. Each is a Parquet part of one row that is never
changed or removed; it says who requested it, when and why, and contains nothing of the content.
"""

from __future__ import annotations

import getpass
import json
import platform
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.store.table_parts import read_part
from cals_models.digests import digest_of

TABLE = "forgotten_files"
SCHEMA = pa.schema([
    ("sha256", pa.string()),
    ("asked_for", pa.string()),
    ("reason", pa.string()),
    ("who", pa.string()),
    ("at", pa.timestamp("us", tz="UTC")),
    ("places_json", pa.string()),
])  # fmt: skip


def record_withdrawal(
    home: Home, sha256: str, *, identifier: str, reason: str, places: Sequence[dict[str, str]]
) -> dict[str, Any]:
    """Records a withdrawal; the same content with the same reason is recorded once.

    Args:
        sha256: hash of the file's bytes.
        identifier: the clip id or path that was given (column ``asked_for``).
        reason: why, in words.
        places: dataset and path of each copy.

    Returns:
        The recorded row.
    """
    for row in withdrawals(home):
        if (row["sha256"], row["reason"]) == (sha256, reason):
            return row
    row = {
        "sha256": sha256,
        "asked_for": identifier,
        "reason": reason,
        "who": f"{_user()}@{platform.node()}",
        "at": datetime.now(UTC),
        "places_json": json.dumps(list(places)),
    }
    with replacing(home.parts / TABLE / f"{sha256[:16]}-{uuid.uuid4().hex[:8]}.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), temporary)
    return row


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def withdrawals(home: Home) -> list[dict[str, Any]]:
    """All withdrawals, oldest first."""
    paths = sorted((home.parts / TABLE).glob("*.parquet"))
    rows = [row for path in paths for row in read_part(path).to_pylist()]
    return sorted(rows, key=lambda row: row["at"])


def forgotten_hashes(home: Home) -> dict[str, str]:
    """sha256 -> reason of every content that may not be used."""
    return {row["sha256"]: row["reason"] for row in reversed(withdrawals(home))}


def version_without_forgotten(home: Home, version: str, hashes: pa.ChunkedArray) -> str:
    """The data version of raw files without those that were withdrawn.

    Args:
        version: digest of the files on disk.
        hashes: sha256 of each file.

    Returns:
        ``version`` itself if none of these files was withdrawn, so that other datasets do not become stale.
    """
    forgotten = forgotten_hashes(home)
    if not forgotten:
        return version
    present = hashes.filter(pc.is_in(hashes, value_set=pa.array(sorted(forgotten), pa.string())))
    return digest_of(version, sorted(set(present.to_pylist()))) if len(present) else version
