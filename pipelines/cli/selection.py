"""Options ``--dataset`` and ``--to``: which datasets a command works on, and how far."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assets.project.graph import STAGES

if TYPE_CHECKING:
    from assets.project.settings import Project


def add_dataset_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        action="append",
        metavar="NAME",
        help="of cals.yaml; may be repeated (default: all datasets)",
    )


def add_to_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        metavar="ASSET",
        help=f"end with this asset (default: as far as each dataset goes); one of {', '.join(STAGES)}",
    )


def choose_datasets(project: Project, requested: Sequence[str] | None) -> list[str]:
    """The requested datasets; by default all, except those of the demo whose files ``cals demo`` has yet to write.

    Raises:
        ValueError: there is no such dataset, or none at all.
    """
    if requested:
        return [project.dataset(name).name for name in requested]
    names = []
    for name, dataset in project.datasets.items():
        if dataset.root.is_relative_to(project.home.sample_corpus) and not dataset.root.exists():
            print(f"{name}: left out: cals demo has not generated it yet", file=sys.stderr)
        else:
            names.append(name)
    if not names:
        raise ValueError(
            "no dataset to work on; add one (cals add NAME --layout L --root PATH) or run cals demo"
        )
    return names
