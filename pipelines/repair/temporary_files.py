"""Temporary files that a kill left behind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from assets.project.home import Home
from assets.project.settings import Project
from pipelines.repair.flaw import Flaw

PATTERNS = (".*.tmp", ".*.partial")
# Longest time between writes to a temporary file that no process holds open...
SETTLED_S = 5.0
# ...and while no run is working, the time between closing it and renaming it.
SETTLED_ALONE_S = 0.5
# For a home shared between machines, whose open files are not visible here.
SETTLED_SHARED_S = 6 * 3600.0
OWN_FOLDERS = ("stages", "shards", "models", "renders", "warehouse", "report", "running", "dagster")


def left_over_files(home: Home, settled_s: float = SETTLED_S) -> Iterator[Path]:
    """Temporary files that no process holds open and that did not change for ``settled_s``."""
    limit = time.time() - settled_s
    found = [path for path in _candidates(home) if path.lstat().st_mtime < limit]
    if found:
        held = _open_files()
        yield from (path for path in found if os.path.realpath(path) not in held)


def find_left_over(project: Project, hosts: set[str], *, is_busy: bool) -> list[Flaw]:
    """Left-over files, and folders of unfinished warehouses.

    Args:
        hosts: machines that the ledger names; with more than one, a file counts only after ``SETTLED_SHARED_S``.
        is_busy: another run is working.
    """
    flaws = []
    settled_s = SETTLED_SHARED_S if len(hosts) > 1 else SETTLED_S if is_busy else SETTLED_ALONE_S
    if settled_s == SETTLED_ALONE_S and any(_candidates(project.home)):
        time.sleep(SETTLED_ALONE_S)  # a kill may be more recent than this
    for path in left_over_files(project.home, settled_s):
        flaws.append(
            Flaw(
                kind="left_over_file",
                text=f"{path.relative_to(project.home.root)} was never finished",
                remedy="removed",
                mend=partial(path.unlink, missing_ok=True),
            )
        )
    for folder in _unpublished(project.home):
        text = f"{folder.relative_to(project.home.root)}: a warehouse was being built when its process ended"
        flaws.append(
            Flaw(
                kind="left_over_file", text=text, remedy="removed", mend=partial(_remove_build, project.home)
            )
        )
    return flaws


def _candidates(home: Home) -> Iterator[Path]:
    for name in OWN_FOLDERS:
        for pattern in PATTERNS:
            for path in (home.root / name).rglob(pattern):
                if path.is_file() and not path.is_symlink():
                    yield path


def _open_files() -> set[str]:
    """Real paths of the files that processes of this user hold open."""
    held: set[str] = set()
    for process in psutil.process_iter():
        try:
            held.update(file.path for file in process.open_files())
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return {os.path.realpath(path) for path in held}


def _unpublished(home: Home) -> list[Path]:
    folders = sorted(home.warehouse.glob(".publishing-*"))
    if not folders:
        return []
    try:
        with FileLock(home.warehouse / ".publish.lock", timeout=0):
            return folders
    except Timeout:  # another process is publishing
        return []


def _remove_build(home: Home) -> None:
    with FileLock(home.warehouse / ".publish.lock"):
        for folder in home.warehouse.glob(".publishing-*"):
            shutil.rmtree(folder)
