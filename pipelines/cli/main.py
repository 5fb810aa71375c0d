"""The command line: ``cals``.

Exit status 0 only if all that was asked was done; 1 if not; 2 for wrong usage. A wrong input gets one clear
line on standard error, never a traceback. Modules are imported when their command runs, so that a command
which has nothing to do answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from assets.project.layouts import LAYOUTS
from pipelines.cli import dub as cli_dub
from pipelines.cli import import_model as cli_import
from pipelines.cli import lineage as cli_lineage
from pipelines.cli import mos as cli_mos
from pipelines.cli import score as cli_score

EXIT_NOT_DONE = 1
EXIT_USAGE = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    arguments = _parser().parse_args(argv)
    if arguments.config:
        os.environ["CALS_CONFIG"] = str(Path(arguments.config).absolute())
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except KeyboardInterrupt:
        print("cals: interrupted; what was finished is kept, cals run goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_NOT_DONE
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("CALS_DEBUG"):
            raise
        print(f"cals: error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_NOT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="cals", description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--config", metavar="PATH", help="cals.yaml (default: found from here upwards)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    add("demo", _demo, "make a sample corpus, run every stage on it, print the table")
    new = add("add", _add, "add a dataset to cals.yaml")
    new.add_argument("name")
    new.add_argument("--layout", required=True, choices=tuple(LAYOUTS))
    new.add_argument("--root", required=True, metavar="PATH")
    new.add_argument("--profile", default="paper", choices=("tiny", "paper"))
    add("doctor", _doctor, "check versions, devices, weights, disk; say what to do").add_argument(
        "--json", action="store_true"
    )
    stale = add("stale", _stale, "list what is stale and why")
    stale.add_argument("--dataset", action="append", metavar="NAME")
    stale.add_argument("--to", metavar="ASSET")
    stale.add_argument("--json", action="store_true")
    run = add("run", _run, "materialise exactly what is stale")
    run.add_argument("--dataset", action="append", metavar="NAME")
    run.add_argument("--to", metavar="ASSET")
    run.add_argument(
        "--force", action="append", metavar="ASSET", default=[], help="make it even if it is not stale"
    )
    query = add("query", _query, "ask the warehouse a question in SQL")
    query.add_argument("sql", metavar="SQL")
    query.add_argument("--format", default="table", choices=("table", "csv", "json"))
    report = add(
        "report",
        _report,
        "bring the reports up to date and say where they are; without --dataset also the page over all of them",
    )
    report.add_argument("--dataset", action="append", metavar="NAME")
    for topic in (cli_lineage, cli_dub, cli_score, cli_import, cli_mos):
        topic.add_commands(add)
    ui = add("ui", _ui, "serve Dagster and MLflow on loopback")
    ui.add_argument("--port", type=int, default=3000)
    ui.add_argument("--mlflow-port", type=int, default=5000)
    return parser


def _project() -> Any:
    from assets.project.settings import load_project

    return load_project()


def _demo(_: argparse.Namespace) -> int:
    from pipelines.demo import run_demo

    return run_demo(_project())


def _add(arguments: argparse.Namespace) -> int:
    from pipelines.add_dataset import add_dataset

    line = add_dataset(_project(), arguments.name, arguments.layout, arguments.root, arguments.profile)
    print(line)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from pipelines.doctor import examine

    findings = examine()
    if arguments.json:
        print(json.dumps([finding.as_json() for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding.line())
    return 0 if all(finding.ok for finding in findings) else EXIT_NOT_DONE


def _stale(arguments: argparse.Namespace) -> int:
    from pipelines.staleness import find_stale

    project = _project()
    found = find_stale(project, _made_or_asked(project, arguments.dataset), arguments.to)
    if arguments.json:
        print(json.dumps([partition.as_json() for partition in found], indent=1))
        return 0
    for partition in found:
        took = "" if partition.estimated_s is None else f"  (about {partition.estimated_s:.0f} s)"
        print(f"{partition.label}: {partition.cause.text}{took}")
    print(f"{len(found)} stale" if found else "nothing is stale")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from pipelines.repair.repair import needs_repair
    from pipelines.staleness import find_stale

    project = _project()
    datasets = _made_or_asked(project, arguments.dataset)
    if not arguments.force and not needs_repair(project) and not find_stale(project, datasets, arguments.to):
        print("nothing is stale: nothing to do")
        return 0
    from pipelines.runner import partitions_of, run_stale

    force = [p for name in datasets for asset in arguments.force for p in partitions_of(project, name, asset)]
    outcome = run_stale(project, datasets, arguments.to, force)
    if outcome.ok and not outcome.made:
        print("nothing is stale: nothing to do")
        return 0
    print(f"made {len(outcome.made)}, failed {len(outcome.failed)}, blocked {len(outcome.blocked)}")
    for label, why in {**outcome.failed, **outcome.blocked}.items():
        print(f"{label}: {why}", file=sys.stderr)
    return 0 if outcome.ok else EXIT_NOT_DONE


def _made_or_asked(project: Any, asked: list[str] | None) -> list[str]:
    """The datasets asked for; else all, but for those of the demo while it has not made them."""
    if asked:
        return [project.dataset(name).name for name in asked]
    sample = project.home.root / "sample"
    names = []
    for name, dataset in project.datasets.items():
        if dataset.root.is_relative_to(sample) and not dataset.root.exists():
            print(f"{name}: left out: cals demo has not made it yet", file=sys.stderr)
        else:
            names.append(name)
    if not names:
        raise ValueError(
            "no dataset to work on; add one (cals add NAME --layout L --root PATH) or run cals demo"
        )
    return names


def _query(arguments: argparse.Namespace) -> int:
    from pipelines.query import run_query

    print(run_query(_project(), arguments.sql, arguments.format))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from pipelines.staleness import find_stale

    project = _project()
    datasets = _made_or_asked(project, arguments.dataset)
    ok = True
    to = "metric_report" if arguments.dataset else None  # unasked, no dataset is made further than it goes
    if find_stale(project, datasets, to):
        from pipelines.runner import run_stale

        outcome = run_stale(project, datasets, to)
        for label, why in {**outcome.failed, **outcome.blocked}.items():
            print(f"{label}: {why}", file=sys.stderr)
        ok = outcome.ok
    if not arguments.dataset:
        from assets.report.overview import render_overview
        from assets.store.warehouse import publish

        publish(project.home)
        print(render_overview(project.home, project.methods))
    for name in datasets:
        page = project.home.report(name)
        print(page if page.exists() else f"{name}: no report yet")
    return 0 if ok else EXIT_NOT_DONE


def _ui(arguments: argparse.Namespace) -> int:
    from pipelines.ui import serve

    return serve(_project(), arguments.port, arguments.mlflow_port)


def entry() -> NoReturn:
    """The ``cals`` program.

    It leaves without taking the interpreter down: DuckDB 2.0's binding would print a list of leaked types where
    Dagster still holds frames of a run.
    """
    try:
        status = main()
    except SystemExit as leaving:  # argparse: --help and wrong usage
        status = leaving.code if isinstance(leaving.code, int) else EXIT_NOT_DONE
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, BrokenPipeError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    entry()
