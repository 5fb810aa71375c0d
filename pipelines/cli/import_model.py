"""``cals import-model``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    text = "import a model trained elsewhere into the registry and the ledger, after checking what it was trained from"
    parser = add("import-model", _import_model, text)
    parser.add_argument(
        "folder", metavar="DIR", help="holds model.json, result.json, progress.jsonl, weights"
    )
    parser.add_argument("--dataset", required=True, metavar="D", help="whose shards it was trained on")
    parser.add_argument("--method", metavar="M", help="of a generator")
    parser.add_argument("--asset", metavar="A", help="what it must be (default: what the folder says)")


def _import_model(arguments: argparse.Namespace) -> int:
    from pipelines.import_model import import_model

    for line in import_model(
        open_project(),
        Path(arguments.folder),
        arguments.dataset,
        method=arguments.method,
        asset=arguments.asset,
    ):
        print(line)
    return 0
