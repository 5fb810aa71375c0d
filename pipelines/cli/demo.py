"""``cals demo``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("demo", _demo, "generate a sample corpus, run every stage on it, print the table")
    parser.add_argument("--to", metavar="ASSET", help="stop after this asset, e.g. mels (a minute or two)")


def _demo(arguments: argparse.Namespace) -> int:
    from pipelines.demo import run_demo

    return run_demo(open_project(), arguments.to)
