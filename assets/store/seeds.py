"""Rows that come with the project instead of from a stage: ``sql/seeds/<table>.csv``, registered methods and metrics."""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyConnection as Connection

from assets.store.metrics import definition_rows
from assets.store.sql_files import SEEDS_FOLDER
from cals_models.methods.registry import METHODS


def is_seeded(table: str) -> bool:
    """Whether a table has rows that come with the project."""
    return table == "metric_definitions" or _seed_file(table).exists()


def insert_seeds(connection: Connection, table: str) -> None:
    """Inserts a table's own rows; most tables have none.

    ``method_definitions`` gets a row of each registered method; its file holds the published systems, of which those that
    are registered have one row, their own.
    ``metric_definitions`` gets a row of each registered metric.
    """
    if _seed_file(table).exists():
        connection.execute(
            f"insert into {table} by name from read_csv(?, header = true)", [str(_seed_file(table))]
        )
    if table == "method_definitions":
        connection.execute("delete from method_definitions where list_contains(?, method)", [list(METHODS)])
        connection.executemany(
            "insert into method_definitions (method, label, position, is_control, description, draws, differs, is_optional) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    method.name,
                    method.label,
                    method.position,
                    not method.is_trained,
                    method.description,
                    method.draws if method.is_trained else None,
                    method.differs or None,
                    method.is_optional,
                )
                for method in METHODS.values()
            ],
        )
    if table == "metric_definitions":
        connection.executemany(
            "insert into metric_definitions (metric, label, unit, better, position, decimals, description) "
            "values ($metric, $label, $unit, $better, $position, $decimals, $description)",
            definition_rows(),
        )


def _seed_file(table: str) -> Path:
    return SEEDS_FOLDER / f"{table}.csv"
