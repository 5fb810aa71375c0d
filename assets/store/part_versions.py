"""Every version of the parts that stay, with the materialisation that first wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.project.home import Home
from assets.store import ledger
from assets.store.kept_parts import KEPT_TABLES, find_kept, recorded_parts, written_part

VERSION_COLUMNS = (
    "materialization_id",
    "data_version",
    "code_version",
    "git_commit",
    "git_dirty",
    "finished_at",
    "is_current",
)
"""Columns of a history table that come from the ledger, not from its parts."""
_READ = [
    "asset",
    "dataset",
    "method",
    "data_version",
    "code_version",
    "git_commit",
    "git_dirty",
    "parts_json",
]


@dataclass(frozen=True, kw_only=True)
class PartVersion:
    """One version of one part.

    Args:
        part: where the current version of the part is.
        digest: sha256 of the part's bytes; empty if an earlier version of the program wrote it and did not keep it.
        row: ledger row of the materialisation that wrote it; those after it that changed nothing are not counted.
    """

    table: str
    part: Path
    digest: str
    row: dict[str, Any]

    def kept(self, home: Home) -> Path | None:
        """Where its content is; None if it was never kept, or removed."""
        return find_kept(home, self.table, self.digest) if self.digest else None

    def values(self, *, is_current: bool) -> dict[str, Any]:
        """``VERSION_COLUMNS``."""
        found = {name: self.row[name] for name in VERSION_COLUMNS if name in self.row}
        return {**found, "finished_at": self.row["at"], "is_current": is_current}


def read_versions(home: Home) -> list[PartVersion]:
    """All versions of all parts that stay, oldest first."""
    versions = []
    last: dict[Path, str] = {}
    for row in ledger.read(home, _READ):
        if row["asset"] not in KEPT_TABLES:
            continue
        digests = recorded_parts(home, row) or dict.fromkeys(KEPT_TABLES[row["asset"]], "")
        for table, digest in digests.items():
            part = written_part(home, table, row["asset"], row["dataset"], row["method"])
            if last.get(part) != digest or not digest:
                versions.append(PartVersion(table=table, part=part, digest=digest, row=row))
            last[part] = digest
    return versions
