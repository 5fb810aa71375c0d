"""``cals query``: SQL on the published warehouse, read-only."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal

from assets.project.settings import Project
from cals_models.terminal.printable import escaped, is_unprintable
from pipelines.published_database import connect_checked

Format = Literal["table", "csv", "json"]
FLOATS = ("DOUBLE", "FLOAT", "DECIMAL")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows of a statement.

    Args:
        names: of the columns; two of one name are told apart by a number.
        types: DuckDB's type of each.
        rows: values as DuckDB's Python client gives them; a missing value is None in every column.
    """

    names: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


def run_query(project: Project, sql: str, output: Format) -> str:
    """Runs one statement and formats its rows; a missing value is empty in a table and in CSV, and null in JSON.

    Raises:
        ValueError: there is no warehouse yet, it is not one statement, or DuckDB rejects it.
    """
    import duckdb

    if not project.home.database.exists():
        raise ValueError(
            f"{project.home.database}: there is no warehouse yet; run cals demo or cals run first"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise ValueError("query: the statement is not UTF-8")
    try:
        answer = _ask(project, sql)
    except duckdb.Error as error:
        message = str(error).partition("\n\nLINE ")[0]  # what follows quotes the statement
        raise ValueError(f"query: {' '.join(message.split())}") from error
    return {"csv": _csv, "json": _json, "table": _table}[output](answer)


def _ask(project: Project, sql: str) -> Answer:
    with connect_checked(project.home) as connection:
        connection.execute("set enable_external_access = false")
        # Logging and profiling would write files, to standard output, or end the process.
        connection.execute("set lock_configuration = true")
        number = len(connection.extract_statements(sql))
        if number != 1:
            raise ValueError(f"query: {number} statements; give one, such as: from clips limit 5")
        result = connection.execute(sql)
        described = result.description or []
        names: list[str] = []
        for name, *_ in described:
            number = names.count(name)
            names.append(name if not number else f"{name}_{number}")
        return Answer(
            names=names,
            types=[str(kind) for _, kind, *_ in described],
            rows=result.fetchall() if names else [],
        )


def _csv(answer: Answer) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.names)
    writer.writerows(["" if value is None else _text(value) for value in row] for row in answer.rows)
    return text.getvalue().rstrip("\n")


def _json(answer: Answer) -> str:
    records = [dict(zip(answer.names, map(_plain, row), strict=True)) for row in answer.rows]
    text = json.dumps(records, indent=1, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if c != "\n" and is_unprintable(c) else c for c in text)


def _table(answer: Answer) -> str:
    import pandas as pd

    if not answer.rows:
        return f"no rows ({', '.join(answer.names)})"
    columns = []
    for place, kind in enumerate(answer.types):
        values = [row[place] for row in answer.rows]
        if kind.startswith(FLOATS):
            columns.append(pd.Series(values, dtype="float64"))
        else:
            columns.append(
                pd.Series(
                    ["" if value is None else escaped(_text(value), keep="\n\r\t") for value in values],
                    dtype=object,
                )
            )
    frame = pd.concat(columns, axis=1)
    return str(frame.to_string(index=False, header=[escaped(name) for name in answer.names], na_rep=""))


def _plain(value: Any) -> Any:
    """A value as JSON has it: times in ISO 8601, null for what is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        return _plain(float(value))
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)
