"""Command ``cals score``: other systems' videos by the pipeline's protocols."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from cals_models.terminal.printable import escaped
from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE


def add_command(add: Add) -> None:
    scoring = add("score", _score, "score videos made by any system against the true ones")
    scoring.add_argument("--generated", required=True, metavar="DIR", help="videos of the system")
    scoring.add_argument("--reference", required=True, metavar="DIR", help="the true videos")
    scoring.add_argument("--name", metavar="NAME", help="of the system (default: name of the folder)")
    scoring.add_argument(
        "--dataset",
        metavar="NAME",
        help="of cals.yaml: its settings and its trained evaluator are used, rows stand beside its methods",
    )
    scoring.add_argument(
        "--protocol",
        metavar="P",
        help="only this one: primary, atvgnet, whole_frame, lse_crop, lse_real, lse_crop_jpeg or lse_real_jpeg",
    )
    scoring.add_argument(
        "--lse-weights", metavar="FILE", help="syncnet_v2.model, or other weights of network S"
    )
    scoring.add_argument("--matches", metavar="CSV", help="columns generated,reference (default: by name)")
    scoring.add_argument("--json", action="store_true", help="print rows, means and failures")


def _score(arguments: argparse.Namespace) -> int:
    from pipelines.scoring.score import ScoreRequest, score

    request = ScoreRequest(
        generated=Path(arguments.generated),
        reference=Path(arguments.reference),
        name=arguments.name,
        dataset=arguments.dataset,
        protocol=arguments.protocol,
        lse_weights=arguments.lse_weights,
        matches=Path(arguments.matches) if arguments.matches else None,
    )
    done = score(open_project(), request)
    if arguments.json:
        print(json.dumps(done.as_json(), indent=1))
    else:
        print("\n".join(done.lines()))
    for failure in done.failures:
        print(f"cals score: {escaped(str(failure))}", file=sys.stderr)
    return EXIT_NOT_DONE if done.failures else 0
