"""The data dictionary, ``docs/data_dictionary.md``: every table, view and column of the warehouse, from its own comments."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from assets.project.home import Home
from assets.store.sql_files import SqlFile, read_sql_files
from assets.store.warehouse import connect, publish

HEAD = """\
# Data dictionary

<!-- Generated from the comments in sql/. To bring it up to date: cals schema --write -->

Every table and view of `warehouse/cals.duckdb`, with what one of its rows is (grain), the columns that identify a row (key),
units, and which direction is better. [warehouse.md](warehouse.md) shows how to query them. `not null` columns always have a
value; keys are checked at each publish.
"""
FOLDERS = {
    "schema": "Tables that stages fill",
    "staging": "Tables and views between them and the reports",
    "marts": "Views for reports",
}
Types = dict[tuple[str, str], str]


def dictionary_page() -> str:
    """The whole page, as ``docs/data_dictionary.md`` holds it."""
    files, types = read_sql_files(), _types()
    sections = [HEAD]
    for folder, title in FOLDERS.items():
        of_folder = sorted((file for file in files.values() if file.folder == folder), key=lambda f: f.name)
        sections.append(f"## {title}\n")
        sections += [_section(file, types) for file in of_folder]
    return "\n".join(sections)


def _types() -> Types:
    """Type of each column, in an empty warehouse: those of views are known to DuckDB alone."""
    with tempfile.TemporaryDirectory() as folder, connect(publish(Home(Path(folder)))) as connection:
        found = connection.execute(
            "select table_name, column_name, data_type, is_nullable from duckdb_columns() where database_name = 'warehouse'"
        ).fetchall()
    return {(table, column): _type(kind, nullable) for table, column, kind, nullable in found}


def _type(kind: str, is_nullable: bool) -> str:
    return kind.lower() if is_nullable else f"{kind.lower()} not null"


def _section(file: SqlFile, types: Types) -> str:
    header = file.header
    key = ", ".join(f"`{name}`" for name in file.key) or header["key"]
    facts = [f"Grain: {header['grain']}", f"key: {key}"]
    facts += [f"units: {header['units']}"] if "units" in header else []
    rows = [(f"`{name}`", types[(file.name, name)], text) for name, text in file.column_comments.items()]
    table = "\n".join(_line(row) for row in (("column", "type", "meaning"), ("---",) * 3, *rows))
    return f"### `{file.name}` ({file.kind})\n\n{header['text']}\n{'; '.join(facts)}.\n\n{table}\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
