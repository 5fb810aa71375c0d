"""Marks of running processes in the home; a mark without a live process shows that a run was killed."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from assets.project.atomic_files import write_text
from assets.project.home import Home
from pipelines.repair.flaw import Flaw


@contextmanager
def working(home: Home, datasets: Collection[str] = ()) -> Iterator[None]:
    """Keeps a mark in the home while the block runs; only a kill leaves it behind.

    Args:
        datasets: those that the run works on; empty if it may be any.
    """
    own = psutil.Process()
    mark = home.running / f"{platform.node()}-{own.pid}.json"
    content = {
        "host": platform.node(),
        "pid": own.pid,
        "started_s": own.create_time(),
        "datasets": list(datasets),
    }
    write_text(mark, json.dumps(content))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def is_alive(pid: int, since_s: float | None = None) -> bool:
    """Whether a process of this machine is alive.

    Args:
        pid: its number.
        since_s: a time at which it existed (seconds since 1970); a process started later only reuses its number.
    """
    try:
        process = psutil.Process(pid)
        later = since_s is not None and process.create_time() > since_s + 1.0
        return not later and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _marks(home: Home) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Each mark with its content; None if it is not readable."""
    for path in sorted(home.running.glob("*.json")):
        try:
            mark = json.loads(path.read_text(encoding="utf-8"))
            yield path, mark if {"host", "pid", "started_s"} <= mark.keys() else None
        except FileNotFoundError:  # that run has just ended
            continue
        except (ValueError, AttributeError):
            yield path, None


def _is_working(mark: dict[str, Any]) -> bool:
    """Whether the run of a mark is working; assumed of a run on another machine, whose processes are not visible."""
    return mark["host"] != platform.node() or is_alive(int(mark["pid"]), float(mark["started_s"]))


def busy_datasets(home: Home, known: Collection[str]) -> set[str]:
    """Datasets on which another run is working: their files are unfinished, not broken."""
    busy: set[str] = set()
    for _, mark in _marks(home):
        is_other = mark is not None and (mark["host"], mark["pid"]) != (platform.node(), os.getpid())
        if mark is not None and is_other and _is_working(mark):
            busy |= set(mark.get("datasets") or known)
    return busy


def find_interrupted(home: Home) -> list[Flaw]:
    """Marks of runs on this machine that were killed."""
    flaws = []
    for path, mark in _marks(home):
        if mark is None or not _is_working(mark):
            text = f"a run was killed while it worked ({path.name})"
            mend = partial(path.unlink, missing_ok=True)
            remedy = "checked all that it may have left"
            flaws.append(Flaw(kind="interrupted_run", text=text, remedy=remedy, mend=mend))
    return flaws
