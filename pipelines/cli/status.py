"""``cals status``."""

from __future__ import annotations

import argparse
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.cli.command import Add, open_project
from pipelines.cli.selection import add_dataset_option

if TYPE_CHECKING:
    from assets.project.home import Home
    from assets.store.partition_runs import PartitionRun

NOTHING_RUNS = "nothing runs"
NEXT = "cals run continues from what it finished"


def add_command(add: Add) -> None:
    parser = add("status", _status, "show what runs, since when, how far; what waits; what ended last")
    add_dataset_option(parser)
    parser.add_argument("--json", action="store_true")


def _status(arguments: argparse.Namespace) -> int:
    from pipelines.status import as_json, find_status

    project = open_project()
    for name in arguments.dataset or ():
        project.dataset(name)
    status = find_status(project.home, arguments.dataset)
    if arguments.json:
        print(json.dumps(as_json(project.home, status), indent=1))
        return 0
    for run in status.running:
        print(
            f"running  {_label(run)}: {_progress(run)}{_since(run.since_s)}, {run.worker}{_log(project.home, run)}"
        )
    holders = {_label(run): run.worker for run in status.running}
    for run in status.waiting:
        holder = holders.get(_label(run), "another process")
        print(f"waiting  {_label(run)}: {run.worker} waits for {holder}, {_since(run.since_s)}")
    if not status.running:
        print(NOTHING_RUNS)
    for run in status.killed:
        print(
            f"killed   {_label(run)}: {_progress(run)}{_since(run.since_s)}, {run.worker}; {NEXT}{_log(project.home, run)}"
        )
    for run in status.ended:
        took_s = (run.ended_s or run.since_s) - run.since_s
        error = f": {run.error}" if run.error else ""
        print(f"{run.state:8} {_label(run)}: {_at(run.ended_s or 0.0)} after {_duration(took_s)}{error}")
    return 0


def _label(run: PartitionRun) -> str:
    return "/".join(part for part in (run.asset, run.dataset, run.method) if part)


def _progress(run: PartitionRun) -> str:
    done = run.progress
    return f"{done.done} of {done.total} {done.unit}s, " if done is not None and done.total else ""


def _since(at_s: float) -> str:
    return f"since {_at(at_s)} ({_duration(time.time() - at_s)})"


def _at(at_s: float) -> str:
    """Local time; the date too where it is another day."""
    at = datetime.fromtimestamp(at_s)
    return at.strftime("%H:%M:%S" if at.date() == datetime.now().date() else "%Y-%m-%d %H:%M:%S")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _log(home: Home, run: PartitionRun) -> str:
    from pipelines.status import log_of

    path = log_of(home, run)
    return f"; log: {path}" if path is not None else ""
