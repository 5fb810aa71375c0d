"""The parts that a publish reads, held by links: a part that is replaced, merged or removed meanwhile stays readable."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.project.home import Home
from assets.store.kept_parts import KEPT_TABLES
from assets.store.part_versions import VERSION_COLUMNS, PartVersion, read_versions

_KEPT = frozenset(table for tables in KEPT_TABLES.values() for table in tables)


@dataclass(frozen=True, kw_only=True)
class PinnedPart:
    """A part to read.

    Args:
        original: where it lies in the home; for messages.
        link: the link to read.
        version: ``VERSION_COLUMNS`` of a part of a table whose every version stays; None for the others.
    """

    original: Path
    link: Path
    version: dict[str, Any] | None = None


Parts = dict[str, list[PinnedPart]]
"""Table -> its parts."""


def pin_parts(home: Home, pinned: Path) -> Parts:
    """Links all parts and all kept versions.

    Args:
        home: whose.
        pinned: a folder for the links, which the caller removes.
    """
    while True:
        found = sorted(home.parts.glob("*/*.parquet"))
        try:
            current = _link_all(found, pinned)
            break
        except FileNotFoundError:  # a writer replaced or merged parts after they were listed
            shutil.rmtree(pinned)
    versions = read_versions(home)
    kept = {
        table: _with_versions(home, table, current.get(table, []), versions, pinned)
        for table in sorted(_KEPT)
    }
    return current | kept


def _link_all(found: Sequence[Path], pinned: Path) -> Parts:
    by_table: Parts = {}
    for number, path in enumerate(found):
        link = pinned / path.parent.name / f"{number:06d}.parquet"
        _link(path, link)
        by_table.setdefault(path.parent.name, []).append(PinnedPart(original=path, link=link))
    return by_table


def _link(path: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, link)
    except FileNotFoundError:
        raise
    except OSError:  # no hard links on this file system
        shutil.copyfile(path, link)


def _with_versions(
    home: Home, table: str, current: list[PinnedPart], versions: Sequence[PartVersion], pinned: Path
) -> list[PinnedPart]:
    """The current parts of a table with the versions that they are, then the superseded ones."""
    of_table = [version for version in versions if version.table == table]
    found, shown = [], set()
    for part in current:
        version = _version_of(part, of_table)
        shown.add(id(version))
        values = (
            dict.fromkeys(VERSION_COLUMNS) | {"is_current": True}
            if version is None
            else version.values(is_current=True)
        )
        found.append(PinnedPart(original=part.original, link=part.link, version=values))
    for number, version in enumerate(of_table):
        kept = None if id(version) in shown else version.kept(home)
        if kept is None:
            continue
        link = pinned / "history" / table / f"{number:06d}.parquet"
        try:
            _link(kept, link)
        except FileNotFoundError:  # removed since, with the rows of a forgotten clip
            continue
        found.append(PinnedPart(original=kept, link=link, version=version.values(is_current=False)))
    return found


def _version_of(part: PinnedPart, versions: Sequence[PartVersion]) -> PartVersion | None:
    """The newest version with the part's content; where none was kept, the newest of all."""
    own = [version for version in versions if version.part == part.original]
    digest = hashlib.sha256(part.link.read_bytes()).hexdigest()
    same = [version for version in own if version.digest == digest]
    return same[-1] if same else own[-1] if own and not own[-1].digest else None
