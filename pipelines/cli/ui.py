"""``cals ui``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project
from pipelines.ui.ports import DAGSTER_PORT, HOST, MLFLOW_PORT


def add_command(add: Add) -> None:
    parser = add("ui", _ui, "serve Dagster's and MLflow's pages to browsers, on loopback")
    parser.add_argument(
        "--port", type=int, default=DAGSTER_PORT, help=f"of Dagster (default: {DAGSTER_PORT})"
    )
    parser.add_argument(
        "--mlflow-port", type=int, default=MLFLOW_PORT, help=f"of MLflow (default: {MLFLOW_PORT})"
    )
    parser.add_argument(
        "--host", default=HOST, help="address to listen on (default: this machine only); others need a token"
    )
    parser.add_argument("--read-only", action="store_true", help="the pages show, and change nothing")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name of this machine that browsers may ask for, such as a proxy's; may be repeated",
    )


def _ui(arguments: argparse.Namespace) -> int:
    from pipelines.ui.serving import Offer, serve

    offer = Offer(
        host=arguments.host,
        port=arguments.port,
        mlflow_port=arguments.mlflow_port,
        read_only=arguments.read_only,
        names=arguments.name,
    )
    return serve(open_project(), offer)
