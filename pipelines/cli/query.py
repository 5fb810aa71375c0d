"""``cals query``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("query", _query, "ask the warehouse a question in SQL")
    parser.add_argument("sql", metavar="SQL", help="one statement; the warehouse is opened read-only")
    parser.add_argument("--format", default="table", choices=("table", "csv", "json"))


def _query(arguments: argparse.Namespace) -> int:
    from pipelines.query import run_query

    print(run_query(open_project(), arguments.sql, arguments.format))
    return 0
