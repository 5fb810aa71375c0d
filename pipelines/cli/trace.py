"""``cals trace``."""

from __future__ import annotations

import argparse
import json

from assets.raw_videos.walk import as_shown
from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("trace", _trace, "show what something was built from; with --down, what was built from it")
    parser.add_argument(
        "id",
        metavar="ID",
        type=as_shown,
        help="clip, shard, raw file, model, metric, report or materialisation",
    )
    parser.add_argument("--down", action="store_true", help="to everything that was built from it")
    parser.add_argument("--json", action="store_true")


def _trace(arguments: argparse.Namespace) -> int:
    from pipelines.lineage.questions import trace
    from pipelines.lineage.text import trace_text

    found = trace(open_project(), arguments.id, down=arguments.down)
    print(json.dumps(found.as_json(), indent=1) if arguments.json else trace_text(found))
    return 0
