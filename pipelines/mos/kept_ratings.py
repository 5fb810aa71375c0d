"""Ratings as a part of the warehouse, on record as what a study left."""

from __future__ import annotations

from pathlib import Path

from assets.mos.part import TABLE, write_ratings_part
from assets.project.home import Home
from assets.store.file_digests import sha256_of
from assets.store.recorded_commands import record_written
from assets.store.table_parts import part_path


def keep_ratings(home: Home, dataset: str) -> Path:
    """Brings the dataset's part of ``mos_ratings`` up to date with the journals, and records it where it changed."""
    path = part_path(home, TABLE, dataset)
    before = sha256_of(path) if path.exists() else None
    write_ratings_part(home, dataset)
    if before != (sha256_of(path) if path.exists() else None):
        record_written(home, "mos", path)
    return path
