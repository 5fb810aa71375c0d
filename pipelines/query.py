"""``cals query``: SQL on the published warehouse, read-only."""

from __future__ import annotations

from typing import Literal

from assets.project.settings import Project
from assets.store.warehouse import query

Format = Literal["table", "csv", "json"]


def run_query(project: Project, sql: str, output: Format) -> str:
    """Runs one statement and formats its rows.

    Raises:
        ValueError: there is no warehouse yet, or DuckDB rejects the statement.
    """
    import duckdb

    if not project.home.database.exists():
        raise ValueError(
            f"{project.home.database}: there is no warehouse yet; run cals demo or cals run first"
        )
    try:
        frame = query(project.home.database, sql)
    except duckdb.Error as error:
        raise ValueError(f"query: {str(error).splitlines()[0]}") from error
    if output == "csv":
        return frame.to_csv(index=False).rstrip("\n")
    if output == "json":
        return str(frame.to_json(orient="records", date_format="iso", indent=1))
    return frame.to_string(index=False, na_rep="")
