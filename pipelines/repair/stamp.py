"""A stamp of all names, sizes and times in the home, so that a look at a home that did not change reads no file.

The stamp is only a key to the result of the last look, which compared digests.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.project.settings import Project
from assets.store.file_digests import CACHE_NAME, RACY_NS

STAMP_NAME = ".looked-at"
FOLDERS = ("stages", "shards", "models", "renders", "report", "warehouse")
_OWN = {STAMP_NAME, CACHE_NAME, ".ledger.lock", ".publish.lock"}


def home_stamp(project: Project) -> str | None:
    """Stamp of the files that are looked at; None if one of them changed within the clock's resolution of now."""
    digest = hashlib.sha256()
    for dataset in project.datasets.values():
        digest.update(f"{dataset.name} {dataset.methods}\n".encode())
    newest = 0
    for folder in FOLDERS:
        for line, mtime_ns in _lines(project.home.root / folder):
            digest.update(line)
            newest = max(newest, mtime_ns)
    return digest.hexdigest() if time.time_ns() - newest > RACY_NS else None


def _lines(folder: Path) -> Iterator[tuple[bytes, int]]:
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.name not in _OWN and entry.name != "scan.parquet":
                found = entry.stat(follow_symlinks=False)
                line = f"{entry.path[len(str(folder)) :]} {found.st_size} {found.st_mtime_ns}\n"
                yield line.encode("utf-8", "surrogateescape"), found.st_mtime_ns


def read_stamp(home: Home) -> str | None:
    """The stamp of the last look that found nothing to repair; None if there is none."""
    try:
        return (home.warehouse / STAMP_NAME).read_text(encoding="ascii").strip()
    except (FileNotFoundError, ValueError):
        return None


def write_stamp(home: Home, stamp: str | None) -> None:
    """Keeps the stamp of a look that found nothing to repair."""
    if stamp is not None:
        write_text(home.warehouse / STAMP_NAME, stamp + "\n")
