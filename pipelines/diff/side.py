"""One side of a comparison: what the user named, as one ledger row for each partition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from assets.project.home import Home
from pipelines.lineage.ledger_graph import LedgerGraph, Partition, Row, label, partition
from pipelines.lineage.registered_models import registered_versions

LATEST = "latest"
LEAST_DIGITS, LEAST_COMMIT_DIGITS = 8, 7
KINDS = (
    "latest, a dataset, a Dagster run's id, a materialisation's id, a data version, ASSET/DATASET[/METHOD][@VERSION], "
    "a registered model (cals-generator/VERSION) or a git commit"
)
_HEX = re.compile(r"[0-9a-f-]{7,64}")


class DiffError(ValueError):
    """A name matches nothing on record, or more than one thing; the message says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one of the two names stands for.

    Args:
        given: as it was typed.
        what: what that is, in words.
        named: the ledger rows that it names.
        rows: these, what they were computed from and what was computed from them: the newest row of each partition.
    """

    given: str
    what: str
    named: tuple[Row, ...]
    rows: dict[Partition, Row]

    @property
    def datasets(self) -> set[str]:
        return {row["dataset"] for row in self.rows.values()}

    def as_json(self) -> dict[str, Any]:
        return {
            "given": self.given,
            "what": self.what,
            "materializations": sorted(row["materialization_id"] for row in self.named),
            "git_commits": sorted({row["git_commit"] for row in self.named if row["git_commit"]}),
            "datasets": sorted(self.datasets),
        }


def find_side(home: Home, graph: LedgerGraph, given: str) -> Side:
    """The side that a name stands for.

    Raises:
        DiffError: nothing is on record, or the name stands for nothing or several things.
    """
    name = given.strip()
    if not graph.rows:
        raise DiffError(f"{home.root}: nothing is on record yet; run cals demo or cals run first")
    readings = [*_states(graph, name), *_labels(graph, name), *_digests(graph, name)]
    readings += _registered(home, graph, name)
    found = {reading.what: reading for reading in readings}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        shown = "; ".join(list(found)[:6]) + (f"; and {len(found) - 6} more" if len(found) > 6 else "")
        raise DiffError(f"{given!r} may mean {shown}; give more of it")
    raise DiffError(f"nothing on record is called {given!r}{_near(graph, name)}; give {KINDS}")


def _states(graph: LedgerGraph, name: str) -> list[Side]:
    """The newest state of everything, or of a dataset."""
    if name == LATEST:
        return [_of_heads(graph, name, "the latest state of all datasets", graph.heads.values())]
    heads = [row for row in graph.heads.values() if row["dataset"] == name]
    return [_of_heads(graph, name, f"dataset {name}", heads)] if heads else []


def _of_heads(graph: LedgerGraph, name: str, what: str, heads: Iterable[Row]) -> Side:
    rows = {partition(row): row for row in heads}
    return Side(given=name, what=what, named=tuple(rows.values()), rows=rows)


def _labels(graph: LedgerGraph, name: str) -> list[Side]:
    of, _, version = name.partition("@")
    rows = [row for row in graph.rows if label(row) == of and row["data_version"].startswith(version)]
    if rows and version and len({row["data_version"] for row in rows}) > 1:
        return [_of_rows(graph, name, [row]) for row in _newest_by_version(rows)]
    return [_of_rows(graph, name, [rows[-1]])] if rows else []


def _digests(graph: LedgerGraph, name: str) -> list[Side]:
    """Materialisations, contents, runs and commits whose id begins so."""
    digits = name.lower()
    if not _HEX.fullmatch(digits):
        return []
    found: list[Side] = []
    if len(digits) >= LEAST_DIGITS:
        found += [
            _of_rows(graph, name, [row]) for row in graph.rows if row["materialization_id"].startswith(digits)
        ]
        versions = [row for row in graph.rows if row["data_version"].startswith(digits)]
        found += [_of_rows(graph, name, [row]) for row in _newest_by_version(versions)]
        found += _groups(graph, name, "dagster_run_id", "Dagster run")
    return found + _groups(graph, name, "git_commit", "commit")


def _groups(graph: LedgerGraph, name: str, column: str, word: str) -> list[Side]:
    """The rows of each run or commit whose id begins so."""
    groups: dict[str, list[Row]] = {}
    for row in graph.rows:
        if (row[column] or "").startswith(name.lower()):
            groups.setdefault(row[column], []).append(row)
    return [_of_rows(graph, name, rows, f"{word} {value}") for value, rows in groups.items()]


def _registered(home: Home, graph: LedgerGraph, name: str) -> list[Side]:
    model = name.removeprefix("models:/")
    weights = {version for version, registered in registered_versions(home).items() if registered == model}
    rows = [row for row in graph.rows if row["data_version"] in weights]
    return [_of_rows(graph, name, [row]) for row in _newest_by_version(rows)]


def _newest_by_version(rows: Iterable[Row]) -> list[Row]:
    return list({(label(row), row["data_version"]): row for row in rows}.values())


def _of_rows(graph: LedgerGraph, given: str, named: list[Row], what: str = "") -> Side:
    rows: dict[Partition, Row] = {}
    for row in sorted(named, key=lambda row: row["at"]):
        rows[partition(row)] = row
    above = _reached(named, lambda row: [read.producer for read in graph.inputs(row) if read.producer])
    consumers = graph.consumers()
    below = _reached(named, lambda row: consumers.get(row["materialization_id"], []))
    for others in (above, below):
        known = set(rows)
        for row in sorted(others, key=lambda row: row["at"]):
            if partition(row) not in known:
                rows[partition(row)] = row
    first = named[-1]
    what = what or f"{label(first)}@{first['data_version'][:12]}"
    return Side(given=given, what=what, named=tuple(named), rows=rows)


def _reached(start: list[Row], neighbours: Any) -> list[Row]:
    found: dict[str, Row] = {}
    waiting = list(start)
    while waiting:
        for row in neighbours(waiting.pop()):
            if row["materialization_id"] not in found:
                found[row["materialization_id"]] = row
                waiting.append(row)
    return list(found.values())


def _near(graph: LedgerGraph, name: str) -> str:
    names = sorted({label(row) for row in graph.rows} | {row["dataset"] for row in graph.rows})
    near = [found for found in names if name and name in found][:3] or get_close_matches(name, names, n=2)
    return f" (did you mean {' or '.join(repr(found) for found in near)}?)" if near else ""
