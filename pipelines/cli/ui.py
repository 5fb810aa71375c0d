"""``cals ui``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project
from pipelines.ui import DAGSTER_PORT, MLFLOW_PORT


def add_command(add: Add) -> None:
    parser = add("ui", _ui, "serve Dagster and MLflow on loopback")
    parser.add_argument(
        "--port", type=int, default=DAGSTER_PORT, help=f"of Dagster (default: {DAGSTER_PORT})"
    )
    parser.add_argument(
        "--mlflow-port", type=int, default=MLFLOW_PORT, help=f"of MLflow (default: {MLFLOW_PORT})"
    )


def _ui(arguments: argparse.Namespace) -> int:
    from pipelines.ui import serve

    return serve(open_project(), arguments.port, arguments.mlflow_port)
