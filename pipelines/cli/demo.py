"""``cals demo``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    add("demo", _demo, "generate a sample corpus, run every stage on it, print the table")


def _demo(_: argparse.Namespace) -> int:
    from pipelines.demo import run_demo

    return run_demo(open_project())
