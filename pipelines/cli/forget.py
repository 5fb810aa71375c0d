"""``cals forget``."""

from __future__ import annotations

import argparse
import json

from assets.raw_videos.walk import as_shown
from cals_models.terminal.printable import escaped
from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("forget", _forget, "withdraw a clip or a raw file, and list everything that saw it")
    parser.add_argument(
        "id", metavar="CLIP_ID", type=as_shown, help="clip id, or a raw file's path or sha256"
    )
    parser.add_argument("--reason", required=True, metavar="TEXT", type=escaped, help="stays on record")
    parser.add_argument("--json", action="store_true")


def _forget(arguments: argparse.Namespace) -> int:
    from pipelines.forget import forget

    done = forget(open_project(), arguments.id, arguments.reason)
    print(json.dumps(done.as_json(), indent=1) if arguments.json else done.text())
    return 0
