"""``cals ui``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("ui", _ui, "serve Dagster and MLflow on loopback")
    parser.add_argument("--port", type=int, default=3000, help="of Dagster (default: 3000)")
    parser.add_argument("--mlflow-port", type=int, default=5000, help="of MLflow (default: 5000)")


def _ui(arguments: argparse.Namespace) -> int:
    from pipelines.ui import serve

    return serve(open_project(), arguments.port, arguments.mlflow_port)
