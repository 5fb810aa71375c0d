"""Rows of the published warehouse for one page, all from one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

Row = dict[str, Any]


class Rows:
    """Asks one connection, so that a publish in between does not mix two moments on one page."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows as dictionaries; null is None."""
        cursor = self._connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Row:
        """The only row of an aggregate."""
        return self.ask(sql, parameters)[0]
