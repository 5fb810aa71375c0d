"""``cals run``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_failures
from pipelines.cli.selection import add_dataset_option, add_to_option, choose_datasets

NOTHING_TO_DO = "nothing is stale: nothing to do"


def add_command(add: Add) -> None:
    parser = add("run", _run, "materialise exactly what is stale")
    add_dataset_option(parser)
    add_to_option(parser)
    parser.add_argument(
        "--force",
        action="append",
        metavar="ASSET",
        default=[],
        help="materialise this asset even if it is not stale; may be repeated",
    )


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.repair.repair import needs_repair
    from pipelines.staleness import find_stale

    project = open_project()
    datasets = choose_datasets(project, arguments.dataset)
    if not arguments.force and not needs_repair(project) and not find_stale(project, datasets, arguments.to):
        print(NOTHING_TO_DO)
        return 0
    from pipelines.runner import partitions_of, run_stale

    force = [p for name in datasets for asset in arguments.force for p in partitions_of(project, name, asset)]
    outcome = run_stale(project, datasets, arguments.to, force)
    if outcome.ok and not outcome.made:
        print(NOTHING_TO_DO)
        return 0
    print(f"made {len(outcome.made)}, failed {len(outcome.failed)}, blocked {len(outcome.blocked)}")
    print_failures(outcome)
    return 0 if outcome.ok else EXIT_NOT_DONE
