"""Views of a project's own SQL files, ``sql/user/*.sql``: added at each publish, each by itself.

A file holds one query; its name is the view's, the comment at its head the view's comment. A file that can't become a view
is left out and named with DuckDB's message; it never stops a publish.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection as Connection

from assets.project.home import Home
from assets.store.sql_files import quoted
from assets.store.user_sql import record_user_views, user_sql_texts

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def add_user_views(connection: Connection, home: Home, taken: Collection[str]) -> None:
    """Adds the views to the database that is being built, and records what became of each file.

    Args:
        connection: in no transaction; the database is its default.
        home: names the folder.
        taken: names of the project's own tables and views.
    """
    problems: dict[str, str] = {}
    waiting: dict[Path, str] = {}
    texts = user_sql_texts(home)
    for path, text in texts.items():
        try:
            waiting[path] = _checked_query(path, text, taken)
        except ValueError as error:
            problems[path.name] = str(error)
    while waiting:  # a view may read another that comes later
        failed = {path: why for path, sql in waiting.items() if (why := _add(connection, path, sql))}
        if len(failed) == len(waiting):
            problems |= {path.name: why for path, why in failed.items()}
            break
        waiting = {path: waiting[path] for path in failed}
    record_user_views(home, texts, problems)


def _checked_query(path: Path, text: str, taken: Collection[str]) -> str:
    """The query of a file, without what ends it.

    Raises:
        ValueError: what is wrong with the file, before its names are looked up.
    """
    name = path.stem
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} can't be the name of a view; use lower-case letters, digits and underscores"
        )
    if name in taken:
        raise ValueError(f"{name} is a table or view of the warehouse; give the file another name")
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise ValueError(_in_one_line(error)) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError("must hold one query (select ..., with ... or from ...) and nothing else")
    return str(statements[0].query).strip().removesuffix(";")


def _add(connection: Connection, path: Path, query: str) -> str:
    """Creates the view; returns what is wrong, empty if nothing is."""
    try:
        connection.execute(f'create view "{path.stem}" as\n{query}\n')
    except duckdb.Error as error:
        return _in_one_line(error)
    comment = _comment(query) or f"Of the project itself: {path.name}."
    connection.execute(f'comment on view "{path.stem}" is {quoted(comment)}')
    return ""


def _comment(query: str) -> str:
    """The comment at the head of a query."""
    lines = []
    for line in query.strip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _in_one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the quotation of the statement, which it ends with."""
    return " ".join(str(error).partition("\n\nLINE ")[0].split())
