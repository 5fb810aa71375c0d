"""``cals doctor``."""

from __future__ import annotations

import argparse
import json

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE


def add_command(add: Add) -> None:
    parser = add("doctor", _doctor, "check versions, devices, weights, disk; say what to do")
    parser.add_argument(
        "--deep", action="store_true", help="read every file of the home and compare it with the ledger"
    )
    parser.add_argument("--json", action="store_true")


def _doctor(arguments: argparse.Namespace) -> int:
    from pipelines.doctor import examine, examine_deep

    findings = examine()
    if arguments.deep:
        findings += examine_deep(open_project())
    if arguments.json:
        print(json.dumps([finding.as_json() for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding.line())
    return 0 if all(finding.ok for finding in findings) else EXIT_NOT_DONE
