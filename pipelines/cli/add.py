"""``cals add``."""

from __future__ import annotations

import argparse

from assets.project.layouts import LAYOUTS
from cals_models.config.profiles import PROFILES
from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("add", _add, "add a dataset to cals.yaml")
    parser.add_argument("name", help="lower-case letters, digits and single underscores")
    parser.add_argument("--layout", required=True, choices=tuple(LAYOUTS), help="how the folder is organised")
    parser.add_argument(
        "--root", required=True, metavar="PATH", help="the folder of raw videos; never written to"
    )
    parser.add_argument(
        "--profile",
        default="paper",
        choices=tuple(PROFILES),
        help="sizes of networks and trainings (default: paper)",
    )


def _add(arguments: argparse.Namespace) -> int:
    from pipelines.add_dataset import add_dataset

    print(add_dataset(open_project(), arguments.name, arguments.layout, arguments.root, arguments.profile))
    return 0
