"""``cals diff``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assets.raw_videos.walk import as_shown
from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_USAGE


def add_command(add: Add) -> None:
    parser = add(
        "diff", _diff, "compare two runs, versions, datasets or commits: settings, code, clips, metrics"
    )
    what = (
        "latest, a dataset, a Dagster run's id, a materialisation's id, a data version, ASSET/DATASET[/METHOD][@VERSION], "
        "a registered model or a git commit; ids may be cut short"
    )
    parser.add_argument("a", metavar="A", type=as_shown, help=what)
    parser.add_argument("b", metavar="B", type=as_shown, help="likewise; differences are B minus A")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with the curves drawn over each other, too"
    )


def _diff(arguments: argparse.Namespace) -> int:
    from pipelines.diff.difference import find_difference
    from pipelines.diff.side import DiffError

    try:
        found = find_difference(open_project(), arguments.a, arguments.b)
    except DiffError as error:
        print(f"cals: error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USAGE
    if arguments.json:
        print(json.dumps(found.as_json(), indent=1))
    else:
        from pipelines.diff.text import difference_text

        print(difference_text(found))
    if arguments.html:
        from assets.project.atomic_files import write_text
        from pipelines.diff.page import difference_page

        write_text(Path(arguments.html), difference_page(found))
        print(f"page: {arguments.html}", file=sys.stderr)
    return 0
