"""Rows of the published warehouse for one page, all from one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

Row = dict[str, Any]


class WarehouseReader:
    """Queries one connection, so that a publish in between does not mix two states on one page."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows as dictionaries; null is None."""
        cursor = self._connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row:
        """The only row of an aggregate."""
        return self.rows(sql, parameters)[0]
