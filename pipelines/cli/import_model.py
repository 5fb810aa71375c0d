"""Command ``cals import-model``: a model trained elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Command = Callable[[argparse.Namespace], int]
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def add_commands(add: Add) -> None:
    """Adds the command; ``add(name, run, text)`` makes a sub-command and returns its parser."""
    importing = add(
        "import-model",
        _import_model,
        "take a model trained elsewhere into the registry and the ledger, after checking what it was trained from",
    )
    importing.add_argument(
        "folder", metavar="DIR", help="holds model.json, result.json, progress.jsonl, weights"
    )
    importing.add_argument("--dataset", required=True, metavar="D", help="whose shards it was trained on")
    importing.add_argument("--method", metavar="M", help="of a generator")
    importing.add_argument("--asset", metavar="A", help="what it must be (default: what the folder says)")


def _import_model(arguments: argparse.Namespace) -> int:
    from assets.project.settings import load_project
    from pipelines.import_model import import_model

    for line in import_model(
        load_project(),
        Path(arguments.folder),
        arguments.dataset,
        method=arguments.method,
        asset=arguments.asset,
    ):
        print(line)
    return 0
