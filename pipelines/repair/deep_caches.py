"""Caches of the home, and the raw files that one of them answers for: compared with what they were computed from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from assets.project.home import Home
from assets.project.settings import Project
from assets.raw_videos.walk import local_path
from assets.store.file_digests import CACHE_NAME, FileDigests, sha256_of
from assets.store.table_parts import read_part
from pipelines.repair.flaw import Flaw

REMEDY = "removed; computed again at the next run"


def find_cache_flaws(project: Project, digests: FileDigests, busy: Collection[str]) -> Iterator[Flaw]:
    """Cached digests that are not those of their files, of the same size and time.

    Args:
        digests: of the files that were read now.
        busy: datasets on which a run is working, which are skipped.
    """
    for dataset in project.datasets.values():
        if dataset.name not in busy and dataset.root.is_dir():
            yield from _scan_flaws(project.home, dataset.name, dataset.root)
    yield from _digest_flaws(project.home, digests)


def _scan_flaws(home: Home, dataset: str, root: Path) -> Iterator[Flaw]:
    """A raw file that changed under the same size and time, or a scan that was changed."""
    path = home.stage("raw_videos", dataset) / "scan.parquet"
    if not path.exists():
        return
    name, mend = path.relative_to(home.root), partial(path.unlink, missing_ok=True)
    try:
        rows = read_part(path).to_pylist()
    except (pa.ArrowException, OSError):
        yield Flaw(kind="damaged_cache", text=f"{name} is not readable", remedy=REMEDY, mend=mend)
        return
    for row in rows:
        try:
            found = os.stat(local_path(root, row["relative_path"]))
        except OSError:
            yield Flaw(
                kind="damaged_cache",
                text=f"{name}: {row['relative_path']} is not in {root}",
                remedy=REMEDY,
                mend=mend,
            )
            continue
        is_same = (found.st_size, found.st_mtime_ns) == (row["bytes"], row["mtime_ns"])
        if is_same and row["sha256"] and sha256_of(local_path(root, row["relative_path"])) != row["sha256"]:
            text = f"{name}: {row['relative_path']} has another sha256 than its scan says, under the same size and time"
            yield Flaw(kind="changed_raw_file", text=text, remedy=f"the scan is {REMEDY}", mend=mend)


def _digest_flaws(home: Home, digests: FileDigests) -> Iterator[Flaw]:
    """Entries of the cache of digests that differ from what was read now."""
    path = home.warehouse / CACHE_NAME
    name, mend = path.relative_to(home.root), partial(path.unlink, missing_ok=True)
    cached = FileDigests.open(home).known
    if path.exists() and not cached:
        yield Flaw(kind="damaged_cache", text=f"{name} is not readable", remedy=REMEDY, mend=mend)
    for file, (size, mtime_ns, sha256) in cached.items():
        seen = digests.known.get(file)
        if seen is not None and seen[:2] == (size, mtime_ns) and seen[2] != sha256:
            text = f"{name}: the row of {file} has another sha256 than the file"
            yield Flaw(kind="damaged_cache", text=text, remedy=REMEDY, mend=mend)
