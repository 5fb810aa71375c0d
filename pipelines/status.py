"""What runs, what waits for what, and what ended last, from the small files that runs write; loads neither Dagster nor torch."""

from __future__ import annotations

import platform
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assets.project.home import Home
from assets.store.partition_runs import (
    RUNNING,
    PartitionRun,
    folder,
    is_alive,
    read_run,
    waiting_for,
)

KILLED = "killed"
SHOWN_ENDED = 10


@dataclass(frozen=True, kw_only=True)
class Status:
    """State of the partitions of a home.

    Args:
        running: partitions at work, the longest first.
        waiting: processes that wait for a partition, the longest first.
        killed: partitions whose process ended without saying how, the last first.
        ended: the partitions that ended last, the last first.
    """

    running: list[PartitionRun]
    waiting: list[PartitionRun]
    killed: list[PartitionRun]
    ended: list[PartitionRun]


def find_status(home: Home, datasets: Collection[str] | None = None) -> Status:
    """The present state.

    Args:
        datasets: those that count; None for all.
    """
    where = folder(home)
    runs = [
        replace(run, state=_state(path, run))
        for path in sorted(where.glob("*.json"))
        if ".waiting-" not in path.name and (run := read_run(path)) is not None
    ]
    runs = [run for run in runs if datasets is None or run.dataset in datasets]
    waiting = [
        run
        for _, run in waiting_for(where)
        if (datasets is None or run.dataset in datasets)
        and (run.worker.host != platform.node() or is_alive(run.worker.pid))
    ]
    ended = [run for run in runs if run.ended_s is not None]
    return Status(
        running=sorted((run for run in runs if run.state == RUNNING), key=lambda run: run.since_s),
        waiting=sorted(waiting, key=lambda run: run.since_s),
        killed=sorted((run for run in runs if run.state == KILLED), key=lambda run: -run.since_s),
        ended=sorted(ended, key=lambda run: -(run.ended_s or 0.0))[:SHOWN_ENDED],
    )


def _state(path: Path, run: PartitionRun) -> str:
    """The state that the file names, unless it is that of a process that ended without saying so."""
    if run.state != RUNNING:
        return run.state
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return RUNNING
    ended = read_run(path)  # it may have ended since it was read
    lock.release()
    return ended.state if ended is not None and ended.ended_s is not None else KILLED


def log_of(home: Home, run: PartitionRun) -> Path | None:
    """Where the work writes: the log of a training, else what its Dagster run wrote to standard error."""
    if run.progress is not None and run.progress.log is not None:
        return Path(run.progress.log)
    logs = home.dagster / "storage" / run.worker.dagster_run_id / "compute_logs"
    found = sorted(logs.glob("*.err")) if run.worker.dagster_run_id else []
    return found[-1] if found else None


def as_json(home: Home, status: Status) -> dict[str, list[dict[str, Any]]]:
    """The status as JSON: a list for each of running, waiting, killed, ended."""
    return {name: [_entry(home, run) for run in runs] for name, runs in vars(status).items()}


def _entry(home: Home, run: PartitionRun) -> dict[str, Any]:
    plain = asdict(run)
    log = log_of(home, run)
    return {**plain.pop("worker"), **plain, "log": None if log is None else str(log)}
