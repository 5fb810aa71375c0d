"""Rows of clips that were renamed or moved: the same content under another id is not computed again.

What a stage computes of a clip depends on the clip's content, its settings and its code, which are the row's key; nothing
in a row but its id names the clip. So a clip without a row takes that of another clip with the same key, in whichever
bucket it lies. That clip may be gone: its row is removed only at the end of the pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from assets.store.bucket_files import StageOutput, is_current
from assets.workers.rejected import UNEXPECTED

# Rejections that depend on the machine at that moment, not on the content.
PASSING_REASONS = frozenset({"timeout", "worker_crashed", "out_of_memory", "unreadable", UNEXPECTED})


class MovedRows:
    """Where the rows of one stage's bucket files lie, by their key; read when the first clip lacks its row."""

    def __init__(self, output: StageOutput) -> None:
        self._output = output
        self._places: dict[str, tuple[Path, str]] | None = None

    def find(self, input_digests: Mapping[str, str]) -> list[dict[str, Any]]:
        """Rows for clips that have none.

        Args:
            input_digests: clip id -> digest of its input; "" where that is not known yet.

        Returns:
            The rows of other clips with these keys, under the ids of these clips.
        """
        places = self._read_places() if self._places is None else self._places
        by_file: dict[Path, dict[str, list[str]]] = {}
        for clip_id, digest in input_digests.items():
            if digest and digest in places:
                path, donor = places[digest]
                by_file.setdefault(path, {}).setdefault(donor, []).append(clip_id)
        return [
            row | {"clip_id": clip_id}
            for path, wanted in by_file.items()
            for row in _rows(path, wanted)
            for clip_id in wanted[row["clip_id"]]
            if is_current(row, input_digests[clip_id], self._output.version)
        ]

    def _read_places(self) -> dict[str, tuple[Path, str]]:
        self._places = {}
        for path in sorted(self._output.folder.glob("[0-9]*.parquet")):
            columns = ["clip_id", "input_digest", "stage_version", "reason"]
            for row in pq.read_table(path, columns=columns).to_pylist():
                if row["stage_version"] == self._output.version and row["reason"] not in PASSING_REASONS:
                    self._places.setdefault(row["input_digest"], (path, row["clip_id"]))
        return self._places


def _rows(path: Path, clip_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of some clips; only the row groups that can hold them are read."""
    rows: list[dict[str, Any]] = pq.read_table(
        path, filters=[("clip_id", "in", sorted(clip_ids))], partitioning=None
    ).to_pylist()
    return rows
