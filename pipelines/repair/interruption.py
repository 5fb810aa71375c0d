"""Runs leave a mark while they work; a mark whose process is gone tells of a run that was killed."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from assets.home import Home, write_text
from pipelines.repair.flaw import Flaw


def _folder(home: Home) -> Path:
    return home.root / "running"


@contextmanager
def working(home: Home) -> Iterator[None]:
    """Keeps a mark in the home as long as the block runs; only a kill leaves it there."""
    own = psutil.Process()
    mark = _folder(home) / f"{platform.node()}-{own.pid}.json"
    write_text(mark, json.dumps({"host": platform.node(), "pid": own.pid, "started_s": own.create_time()}))
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


def find_interrupted(home: Home) -> list[Flaw]:
    """Marks of runs on this machine that are no more."""
    flaws = []
    for path in sorted(_folder(home).glob("*.json")):
        try:
            mark = json.loads(path.read_text(encoding="utf-8"))
            gone = mark["host"] == platform.node() and not is_alive(
                int(mark["pid"]), float(mark["started_s"])
            )
        except FileNotFoundError:  # that run has just ended
            continue
        except (ValueError, KeyError, TypeError):
            gone = True
        if gone:
            text = f"a run was killed while it worked ({path.name})"
            flaws.append(
                Flaw(
                    kind="interrupted_run",
                    text=text,
                    remedy="looked at all it may have left",
                    mend=partial(path.unlink, missing_ok=True),
                )
            )
    return flaws
