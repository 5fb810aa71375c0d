"""``cals doctor``."""

from __future__ import annotations

import argparse
import json

from pipelines.cli.command import Add
from pipelines.cli.errors import EXIT_NOT_DONE


def add_command(add: Add) -> None:
    parser = add("doctor", _doctor, "check versions, devices, weights, disk; say what to do")
    parser.add_argument("--json", action="store_true")


def _doctor(arguments: argparse.Namespace) -> int:
    from pipelines.doctor import examine

    findings = examine()
    if arguments.json:
        print(json.dumps([finding.as_json() for finding in findings], indent=1))
    else:
        for finding in findings:
            print(finding.line())
    return 0 if all(finding.ok for finding in findings) else EXIT_NOT_DONE
