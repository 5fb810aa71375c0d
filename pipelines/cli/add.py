"""``cals add``."""

from __future__ import annotations

import argparse

from assets.project.layouts import LAYOUTS
from cals_models.config.profiles import PROFILES
from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("add", _add, "add a dataset to cals.yaml")
    parser.add_argument("name")
    parser.add_argument("--layout", required=True, choices=tuple(LAYOUTS))
    parser.add_argument("--root", required=True, metavar="PATH")
    parser.add_argument("--profile", default="paper", choices=tuple(PROFILES))


def _add(arguments: argparse.Namespace) -> int:
    from pipelines.add_dataset import add_dataset

    print(add_dataset(open_project(), arguments.name, arguments.layout, arguments.root, arguments.profile))
    return 0
