"""``cals stale``."""

from __future__ import annotations

import argparse
import json

from pipelines.cli.command import Add, open_project
from pipelines.cli.selection import add_dataset_option, add_to_option, choose_datasets


def add_command(add: Add) -> None:
    parser = add("stale", _stale, "list what is stale and why")
    add_dataset_option(parser)
    add_to_option(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument(
        "--explain", action="store_true", help="also the digests that differ, and changed code as a diff"
    )


def _stale(arguments: argparse.Namespace) -> int:
    from pipelines.explanation import Explainer
    from pipelines.staleness import find_stale

    project = open_project()
    found = find_stale(project, choose_datasets(project, arguments.dataset), arguments.to)
    if arguments.json:
        print(json.dumps([partition.as_json() for partition in found], indent=1))
        return 0
    explainer = Explainer(project) if arguments.explain else None
    for partition in found:
        took = "" if partition.estimated_s is None else f"  (about {partition.estimated_s:.0f} s)"
        print(f"{partition.label}: {partition.cause.text}{took}")
        for line in explainer.lines(partition) if explainer else ():
            print(line)
    print(f"{len(found)} stale" if found else "nothing is stale")
    return 0
