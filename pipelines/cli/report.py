"""``cals report``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_problems
from pipelines.cli.selection import add_dataset_option, choose_datasets


def add_command(add: Add) -> None:
    text = (
        "bring the reports up to date and print their paths; without --dataset also the page over all of them"
    )
    parser = add("report", _report, text)
    add_dataset_option(parser)


def _report(arguments: argparse.Namespace) -> int:
    from pipelines.staleness import find_stale

    project = open_project()
    datasets = choose_datasets(project, arguments.dataset)
    ok = True
    to = (
        "metric_report" if arguments.dataset else None
    )  # by default each dataset goes as far as cals.yaml says
    if find_stale(project, datasets, to):
        from pipelines.runner import run_stale

        outcome = run_stale(project, datasets, to)
        print_problems(outcome)
        ok = outcome.ok
    if not arguments.dataset:
        from assets.report.overview import render_overview
        from assets.store.recorded_commands import record_written
        from assets.store.warehouse import publish

        publish(project.home)
        overview = render_overview(project.home, project.methods)
        record_written(project.home, "report", overview)
        print(overview)
    for name in datasets:
        page = project.home.report(name)
        print(page if page.exists() else f"{name}: no report yet")
    return 0 if ok else EXIT_NOT_DONE
