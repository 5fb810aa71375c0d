"""``cals run``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_problems
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
        help="compute this asset again, all of it, even if it is not stale; may be repeated",
    )
    parser.add_argument(
        "--clip",
        action="append",
        metavar="ID",
        default=[],
        help="with --force: of the data stages, compute only this clip again; may be repeated",
    )
    parser.add_argument(
        "--bucket",
        action="append",
        metavar="N",
        type=int,
        default=[],
        help="with --force: of the data stages, compute only this bucket again; may be repeated",
    )


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.repair.repair import needs_repair
    from pipelines.staleness import make_plan

    project = open_project()
    datasets = choose_datasets(project, arguments.dataset)
    is_forced = arguments.force or arguments.clip or arguments.bucket
    if not is_forced and not needs_repair(project):
        plan = make_plan(project, datasets, arguments.to)
        if not plan.stale and not plan.failed_checks:
            print(NOTHING_TO_DO)
            return 0
    from pipelines.force import forced_partitions
    from pipelines.runner import run_stale

    force = forced_partitions(
        project, datasets, arguments.to, arguments.force, arguments.clip, arguments.bucket
    )
    outcome = run_stale(project, datasets, arguments.to, force)
    if outcome.ok and not outcome.made:
        print(NOTHING_TO_DO)
        return 0
    print(outcome.summary)
    print_problems(outcome)
    return 0 if outcome.ok else EXIT_NOT_DONE
