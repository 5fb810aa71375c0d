"""Reads ``sql/``: one statement a file; its comments document the table or view and its columns.

A file is a header of ``--`` lines (what it is, then ``grain:``, ``key:``, ``units:``) and one ``create``
statement. The comment after a column (of a table, or of a view's last select) documents that column and
becomes its comment in the database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from cals_models.references import project_folder

SQL_FOLDER = project_folder("sql", "schema", "staging", "marts", "seeds")
USER_FOLDER = "user"  # a project's own files (assets/store/user_views.py)
SEEDS_FOLDER = SQL_FOLDER / "seeds"
_HEADER_FIELD = re.compile(r"^(grain|key|units):\s*(.*)$")
_TABLE_COLUMN = re.compile(
    r"^    (?P<name>\w+) (?P<type>\w+)(?P<required> not null)?,?(?:\s+-- (?P<text>.*))?$"
)
_VIEW_COLUMN = re.compile(r"^.*?(?:\bas |^    \w+\.)(?P<name>\w+),?\s+-- (?P<text>.*)$")
_NAME_READ = re.compile(r"\b(?:from|join)\s+(\w+)")


class SqlFileError(ValueError):
    """A file of ``sql/`` does not have the form that its documentation and order are read from."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: its type in SQL, whether it must have a value, and its documentation."""

    name: str
    sql_type: str
    required: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class SqlFile:
    """One statement of ``sql/`` with its documentation.

    Args:
        path: the file; its stem is the name of the table or view.
        sql: the whole text.
    """

    path: Path
    sql: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def folder(self) -> str:
        return self.path.parent.name

    @cached_property
    def kind(self) -> str:
        """``table`` or ``view``."""
        match = re.search(rf"^create (table|view) {self.name}\b", self.sql, re.MULTILINE)
        if match is None:
            raise SqlFileError(f"{self.path}: must hold `create table {self.name}` or `create view`")
        return match.group(1)

    @cached_property
    def header(self) -> dict[str, str]:
        """``text``, ``grain``, ``key`` and, where given, ``units``."""
        fields = {"text": ""}
        current = "text"
        for line in self.sql.splitlines():
            if not line.startswith("--"):
                break
            content = line.removeprefix("--").strip()
            if match := _HEADER_FIELD.match(content):
                current, content = match.groups()
            fields[current] = f"{fields.get(current, '')} {content}".strip()
        for required in ("text", "grain", "key"):
            if not fields.get(required):
                raise SqlFileError(f"{self.path}: the header lacks its {required}")
        return fields

    @property
    def comment(self) -> str:
        """The header as one paragraph, for the database."""
        fields = (name for name in ("grain", "key", "units") if name in self.header)
        return " ".join(
            [self.header["text"], *(f"{name.capitalize()}: {self.header[name]}." for name in fields)]
        )

    @property
    def key(self) -> list[str]:
        """Columns that identify a row; empty where the header says ``none``."""
        names = self.header["key"]
        return [] if names.startswith("none") else [name.strip() for name in names.split(",")]

    @cached_property
    def columns(self) -> list[Column]:
        """Declared columns of a table; empty for views and tables that are selected."""
        matches = (_TABLE_COLUMN.match(line) for line in self.sql.splitlines())
        return [
            Column(name=m["name"], sql_type=m["type"], required=bool(m["required"]), text=m["text"] or "")
            for m in matches
            if m
        ]

    @cached_property
    def column_comments(self) -> dict[str, str]:
        """Documentation of each column, in order."""
        if self.folder == "schema":
            return {column.name: column.text for column in self.columns if column.text}
        final_select = self.sql[self.sql.rindex("\nselect\n") :]
        matches = (_VIEW_COLUMN.match(line) for line in final_select.splitlines())
        return {match["name"]: match["text"] for match in matches if match}

    @cached_property
    def names_read(self) -> set[str]:
        """Every name after ``from`` or ``join``: tables, views and common table expressions."""
        code = "\n".join(line.split("--")[0] for line in self.sql.splitlines())
        return set(_NAME_READ.findall(code))


def read_sql_files(folder: Path = SQL_FOLDER) -> dict[str, SqlFile]:
    """All statements by name, each after those that it reads.

    Raises:
        SqlFileError: there is no file, or two files have one name.
    """
    files: dict[str, SqlFile] = {}
    for path in sorted(folder.glob("*/*.sql")):
        if path.parent.name == USER_FOLDER:
            continue
        if path.stem in files:
            raise SqlFileError(f"{path}: {files[path.stem].path} has the same name; names must be unique")
        files[path.stem] = SqlFile(path=path, sql=path.read_text(encoding="utf-8"))
    if not files:
        raise SqlFileError(f"{folder}: no SQL files; the installation is incomplete")
    order = TopologicalSorter(
        {name: sorted(file.names_read & set(files) - {name}) for name, file in files.items()}
    )
    return {name: files[name] for name in order.static_order()}


def quoted(text: str) -> str:
    """A text as an SQL literal, for statements such as ``comment on`` that cannot bind values."""
    return "'" + text.replace("'", "''") + "'"


def comment_statements(file: SqlFile) -> list[str]:
    """``comment on`` statements for the table or view and its columns."""
    statements = [f"comment on {file.kind} {file.name} is {quoted(file.comment)}"]
    for column, text in file.column_comments.items():
        statements.append(f"comment on column {file.name}.{column} is {quoted(text)}")
    return statements
