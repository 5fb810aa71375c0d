"""``cals run``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from assets.raw_videos.walk import as_shown
from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_problems
from pipelines.cli.selection import add_dataset_option, add_to_option, choose_datasets

if TYPE_CHECKING:
    from assets.project.home import Home

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
        type=as_shown,
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
    from pipelines.staleness import make_plan, selected_stages

    for name in (
        arguments.to,
        *arguments.force,
    ):  # a wrong name is an error before anything is repaired or published
        selected_stages(name)
    project = open_project()
    datasets = choose_datasets(project, arguments.dataset)
    is_forced = arguments.force or arguments.clip or arguments.bucket
    if not is_forced and not needs_repair(project):
        plan = make_plan(project, datasets, arguments.to)
        if not (plan.stale or plan.failed_checks or plan.unexpected):
            _publish_own_views(project.home)
            print(NOTHING_TO_DO)
            return 0
    from pipelines.force import forced_partitions
    from pipelines.runner import run_stale

    force = forced_partitions(
        project, datasets, arguments.to, arguments.force, arguments.clip, arguments.bucket
    )
    outcome = run_stale(project, datasets, arguments.to, force)
    _publish_own_views(project.home)
    if outcome.ok and not outcome.made:
        print(NOTHING_TO_DO)
        return 0
    print(outcome.summary)
    print_problems(outcome)
    return 0 if outcome.ok else EXIT_NOT_DONE


def _publish_own_views(home: Home) -> None:
    """Publishes again where files of the project's own SQL changed, and prints what is wrong with them."""
    from assets.store.user_sql import user_view_problems, user_views_changed

    if home.database.exists() and user_views_changed(home):
        from assets.store.warehouse import publish

        publish(home)
    for problem in user_view_problems(home):
        print(f"no view: {problem}", file=sys.stderr)
