"""Commands of the study with human raters: ``cals mos serve``, ``summary`` and ``export``."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from pipelines.cli.command import Add, Command, open_project


def add_command(add: Add) -> None:
    study = add("mos", _serve, "mean opinion scores: show raters the videos, sum up their answers (Table 2)")
    actions = study.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, help=text, description=text)
        parser.set_defaults(command=run)
        parser.add_argument("--dataset", required=True, metavar="NAME")
        parser.add_argument("--study", metavar="NAME", help="default: main; a dataset may have several")
        return parser

    serving = action("serve", _serve, "serve the study to raters' browsers")
    serving.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    serving.add_argument("--port", type=int, default=8400)
    serving.add_argument("--clips", type=int, metavar="N", help="test clips of a new study (default: 8)")
    serving.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="methods of a new study (default: all of the dataset)",
    )
    summing = action("summary", _summary, "Table 2: means with intervals, agreement, who was screened out")
    summing.add_argument("--json", action="store_true")
    exporting = action("export", _export, "all ratings as CSV, a row an answer on a scale")
    exporting.add_argument("--out", metavar="FILE", help="default: standard output")


def _serve(arguments: argparse.Namespace) -> int:
    from assets.mos.study import DEFAULT_NAME
    from assets.stage.run import require_method
    from pipelines.mos.server import serve

    project = open_project()
    dataset = project.dataset(arguments.dataset)
    for method in arguments.method or ():
        require_method(dataset, method)
    return serve(
        project.home,
        dataset.name,
        tuple(dict.fromkeys(arguments.method or dataset.methods)),
        name=arguments.study or DEFAULT_NAME,
        num_clips=arguments.clips,
        host=arguments.host,
        port=arguments.port,
    )


def _summary(arguments: argparse.Namespace) -> int:
    from assets.mos.summary import summarise_study, summary_text
    from pipelines.mos.kept_ratings import keep_ratings

    project = open_project()
    dataset = project.dataset(arguments.dataset)
    summary = summarise_study(project.home, dataset.name, arguments.study)
    keep_ratings(project.home, dataset.name)
    print(json.dumps(summary.as_json(), indent=1) if arguments.json else summary_text(summary))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from assets.mos.part import rating_rows
    from assets.mos.ratings import Journal
    from assets.mos.summary import find_study
    from assets.project.atomic_files import replacing

    project = open_project()
    study = find_study(project.home, project.dataset(arguments.dataset).name, arguments.study)
    rows = rating_rows(study, Journal(study).raters())
    if not rows:
        raise ValueError(f"{study.answers_path}: no answer yet; there is nothing to export")
    if not arguments.out:
        _write_csv(sys.stdout, rows)
        return 0
    target = Path(arguments.out).absolute()
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _write_csv(file, rows)
    print(f"{len(rows)} ratings in {arguments.out}")
    return 0


def _write_csv(file: Any, rows: list[dict[str, Any]]) -> None:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"rated_at": row["rated_at"].isoformat()} for row in rows)
