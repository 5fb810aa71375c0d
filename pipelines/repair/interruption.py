"""Runs leave a mark while they work; a mark whose process is gone tells of a run that was killed."""

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


def _folder(home: Home) -> Path:
    return home.root / "running"


@contextmanager
def working(home: Home, datasets: Collection[str] = ()) -> Iterator[None]:
    """Keeps a mark in the home as long as the block runs; only a kill leaves it there.

    Args:
        datasets: those that are worked on; none named means that it may be any.
    """
    own = psutil.Process()
    mark = _folder(home) / f"{platform.node()}-{own.pid}.json"
    told = {
        "host": platform.node(),
        "pid": own.pid,
        "started_s": own.create_time(),
        "datasets": list(datasets),
    }
    write_text(mark, json.dumps(told))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def is_alive(pid: int, since_s: float | None = None) -> bool:
    """Whether a process of this machine lives.

    Args:
        pid: its number.
        since_s: it was seen at this time (seconds since 1970): a process started later has only the same number.
    """
    try:
        process = psutil.Process(pid)
        later = since_s is not None and process.create_time() > since_s + 1.0
        return not later and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _marks(home: Home) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Each mark with what it tells; None where a mark is not readable."""
    for path in sorted(_folder(home).glob("*.json")):
        try:
            mark = json.loads(path.read_text(encoding="utf-8"))
            yield path, mark if {"host", "pid", "started_s"} <= mark.keys() else None
        except FileNotFoundError:  # that run has just ended
            continue
        except (ValueError, AttributeError):
            yield path, None


def _works(mark: dict[str, Any]) -> bool:
    """Whether the run that left a mark is at work; of another machine that can't be told, so it is taken to be."""
    return mark["host"] != platform.node() or is_alive(int(mark["pid"]), float(mark["started_s"]))


def busy_datasets(home: Home, known: Collection[str]) -> set[str]:
    """Datasets on which another run works right now: what lies there is unfinished, not broken."""
    busy: set[str] = set()
    for _, mark in _marks(home):
        is_other = mark is not None and (mark["host"], mark["pid"]) != (platform.node(), os.getpid())
        if mark is not None and is_other and _works(mark):
            busy |= set(mark.get("datasets") or known)
    return busy


def find_interrupted(home: Home) -> list[Flaw]:
    """Marks of runs on this machine that are no more."""
    flaws = []
    for path, mark in _marks(home):
        if mark is None or not _works(mark):
            text = f"a run was killed while it worked ({path.name})"
            mend = partial(path.unlink, missing_ok=True)
            remedy = "looked at all it may have left"
            flaws.append(Flaw(kind="interrupted_run", text=text, remedy=remedy, mend=mend))
    return flaws
