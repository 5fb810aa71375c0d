"""``cals gc``."""

from __future__ import annotations

import argparse
import json

from pipelines.cli.command import Add, open_project


def add_command(add: Add) -> None:
    parser = add("gc", _gc, "list files that are not needed any more; with --yes remove them")
    parser.add_argument("--yes", action="store_true", help="remove what is listed")
    parser.add_argument("--json", action="store_true")


def _gc(arguments: argparse.Namespace) -> int:
    from pipelines.retention.plan import carry_out, plan_removals

    project = open_project()
    plan = plan_removals(project)
    if arguments.yes:
        carry_out(project, plan)
    if arguments.json:
        print(json.dumps(plan.as_json() | {"removed": arguments.yes}, indent=1))
        return 0
    for line in plan.lines():
        print(line)
    amount = f"{len(plan.removals)} things, {plan.num_bytes / (1 << 20):.1f} MiB"
    if not plan.removals:
        print("nothing to remove")
    elif arguments.yes:
        print(f"removed {amount}")
    else:
        print(f"would remove {amount}; `cals gc --yes` removes them")
    return 0
