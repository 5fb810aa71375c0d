"""Rows that a materialisation wrote to a table whose every version stays."""

from __future__ import annotations

from typing import Any

from assets.project.home import Home
from assets.store.kept_parts import find_kept, recorded_parts, written_part
from assets.store.table_parts import read_part
from pipelines.lineage.ledger_graph import LedgerGraph, Row, label, partition


def written_rows(
    home: Home, graph: LedgerGraph, row: Row, table: str, notes: list[str]
) -> list[dict[str, Any]]:
    """Rows of a table as a materialisation wrote them; none, with a note, where they are not kept.

    Args:
        notes: gets a sentence about rows that are not on record.
    """
    digest = recorded_parts(home, row).get(table)
    path = find_kept(home, table, digest) if digest else None
    if path is None and graph.is_current(row) and row["parts_json"] is None:
        path = written_part(home, table, *partition(row))  # of an earlier version of the program
    if path is not None and path.exists():
        return list(read_part(path).to_pylist())
    if digest or row["parts_json"] is None:
        notes.append(
            f"{label(row)}@{row['data_version'][:12]}: its rows of {table} are not kept (an earlier version of the program wrote them)"
        )
    return []
