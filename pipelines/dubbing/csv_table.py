"""Tables that a person gives a dub as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, str | None]


def read_table(
    path: Path, needed: Sequence[str], optional: Sequence[str], each: str
) -> list[tuple[int, Row]]:
    """The rows of a table, each with its line, counted from 1.

    Args:
        path: of the table.
        needed, optional: columns.
        each: what a row stands for, for the error.

    Raises:
        ValueError: it can't be read, lacks a column, has an unknown one, or holds no row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, list(reader.fieldnames or []), needed, optional)
            rows: list[tuple[int, Row]] = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{path}: can't be read as CSV in UTF-8: {why}; give a readable table") from error
    if not rows:
        raise ValueError(f"{path}: holds no rows; give one for each {each}")
    return rows


def fields_of(row: Row) -> dict[str, str]:
    """The fields of a row without spaces around them.

    Raises:
        ValueError: too few or too many.
    """
    if None in row or None in row.values():
        raise ValueError("has more or fewer fields than the first line; quote names that hold commas")
    return {name: (value or "").strip() for name, value in row.items()}


def _check_columns(path: Path, columns: list[str], needed: Sequence[str], optional: Sequence[str]) -> None:
    lacking = [name for name in needed if name not in columns]
    unknown = [name for name in columns if name not in (*needed, *optional)]
    if lacking or unknown or len(set(columns)) < len(columns):
        raise ValueError(
            f"{path}: the first line is {','.join(columns) or 'empty'}; it names the columns {', '.join(needed)} and, "
            f"where wanted, {', '.join(optional)}, each once"
        )
