"""``cals adapt``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_problems


def add_command(add: Add) -> None:
    parser = add(
        "adapt", _adapt, "continue a trained generator on one person's video, for dubs of that person"
    )
    parser.add_argument("video", metavar="VIDEO", help="of the person, who speaks; 10 s to a minute")
    parser.add_argument(
        "--minutes",
        metavar="M",
        type=float,
        default=5.0,
        help="about how long it may take, by the rate at which the base was trained (default: 5)",
    )
    parser.add_argument(
        "--base",
        metavar="DATASET",
        help="whose models are adapted (default: the dataset of the newest generator)",
    )
    parser.add_argument("--method", metavar="M", default="cals", help="of the generator (default: cals)")
    parser.add_argument("--name", metavar="NAME", help="of the new dataset (default: from the file's name)")


def _adapt(arguments: argparse.Namespace) -> int:
    from pipelines.adapt import Adaptation, adapt

    wanted = Adaptation(
        video=Path(arguments.video),
        base=arguments.base,
        method=arguments.method,
        minutes=arguments.minutes,
        name=arguments.name,
    )
    outcome = adapt(open_project(), wanted, print)
    print_problems(outcome)
    if not outcome.ok:
        return EXIT_NOT_DONE
    print(
        f"next: cals dub --model {wanted.dataset_name}/{wanted.method} --video {wanted.video} --audio A --out O"
    )
    return 0
