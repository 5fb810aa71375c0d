"""A set of videos that another system generated, as it was scored: files, their references, and the outcome of each.

The rows stay when the set is scored again with other files, so that the files behind older values can be named as long
as the warehouse is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.metrics.folder_pairs import Failure, Pair, text_of
from assets.project.home import Home
from assets.project.settings import Project
from assets.raw_videos.walk import path_to_text
from assets.store.table_parts import part_path, write_part
from cals_models.digests import digest_of

TABLE = "external_renders"
GENERATED, REFERENCE = "generated_videos", "reference_videos"


@dataclass(frozen=True, kw_only=True)
class VideoSet:
    """Pairs of files by content.

    Args:
        dataset: of the rows.
        method: ``external/<name>``.
        generated: folder of the system's videos.
        reference: folder of the true ones.
        pairs: generated videos and their references.
        hashes: sha256 of each file of the pairs.
    """

    dataset: str
    method: str
    generated: Path
    reference: Path
    pairs: Sequence[Pair]
    hashes: dict[Path, str]

    @classmethod
    def of(
        cls, dataset: str, method: str, generated: Path, reference: Path, pairs: Sequence[Pair]
    ) -> VideoSet:
        """Reads every file of the pairs once."""
        paths = {path for pair in pairs for path in (pair.generated, pair.reference)}
        return cls(
            dataset=dataset,
            method=method,
            generated=generated,
            reference=reference,
            pairs=pairs,
            hashes={path: _sha256(path) for path in sorted(paths)},
        )

    def version(self) -> str:
        """Data version: contents, names and pairing."""
        described = [
            (pair.name, self.hashes[pair.generated], self.hashes[pair.reference]) for pair in self.pairs
        ]
        return digest_of(sorted(described))

    def side_version(self, side: str) -> str:
        """Digest of one side's names and contents: ``generated_videos`` or ``reference_videos``."""
        paths = [pair.generated if side == GENERATED else pair.reference for pair in self.pairs]
        folder = self.generated if side == GENERATED else self.reference
        return digest_of(sorted((text_of(path, folder), self.hashes[path]) for path in paths))

    def rows(self, failures: Sequence[Failure]) -> list[dict[str, Any]]:
        """Rows of ``sql/schema/external_renders.sql``."""
        failed = {failure.video: failure for failure in failures}
        version, rows = self.version(), []
        for pair in self.pairs:
            path = text_of(pair.generated, self.generated)
            failure = failed.get(path)
            rows.append(
                {
                    "dataset": self.dataset,
                    "method": self.method,
                    "data_version": version,
                    "video": pair.name,
                    "path": path_to_text(str(pair.generated.resolve())),
                    "sha256": self.hashes[pair.generated],
                    "bytes": pair.generated.stat().st_size,
                    "reference_path": path_to_text(str(pair.reference.resolve())),
                    "reference_sha256": self.hashes[pair.reference],
                    "status": "rejected" if failure else "ok",
                    "reason": failure.reason if failure else None,
                    "detail": failure.detail if failure else None,
                }
            )
        return rows

    def remember(self, home: Home, failures: Sequence[Failure]) -> None:
        """Writes the rows, beside those of other versions of the set."""
        rows = self.rows(failures)
        path = part_path(home, TABLE, self.dataset, self.method)
        if path.exists():
            table = pq.read_table(path, partitioning=None)
            others = table.filter(pc.not_equal(table["data_version"], self.version()))
            rows = [*others.to_pylist(), *rows]
        write_part(home, TABLE, rows, dataset=self.dataset, method=self.method)


def recall_videos(home: Home, dataset: str, method: str, version: str, side: str) -> list[dict[str, str]]:
    """Files of one side of a version of a set: path and sha256; none where the version is not on record."""
    path = part_path(home, TABLE, dataset, method)
    if not path.exists():
        return []
    columns = ["path", "sha256"] if side == GENERATED else ["reference_path", "reference_sha256"]
    table = pq.read_table(path, partitioning=None)
    rows = table.filter(pc.equal(table["data_version"], version)).select(columns).to_pylist()
    return [dict(zip(("path", "sha256"), row.values(), strict=True)) for row in rows]


def find_video(home: Home, sha256: str) -> list[tuple[str, str, str]]:
    """Dataset, method and version of each set that holds a file, on either side, whose sha256 begins so."""
    found: set[tuple[str, str, str]] = set()
    for path in sorted((home.parts / TABLE).glob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        held = pc.or_(
            pc.starts_with(table["sha256"], pattern=sha256),
            pc.starts_with(table["reference_sha256"], pattern=sha256),
        )
        for row in table.filter(held).select(["dataset", "method", "data_version"]).to_pylist():
            found.add((row["dataset"], row["method"], row["data_version"]))
    return sorted(found)


def external_scores_version(project: Project, dataset: str) -> str:
    """Data version of the observed source ``external_scores``."""
    return external_scores_digest(project.home, dataset)


def external_scores_digest(home: Home, dataset: str) -> str:
    """Digest of a dataset's external scores: changes with every value of another system's videos."""
    paths = sorted((home.parts / "clip_metrics").glob(f"{dataset}__external-*.parquet"))
    return digest_of([(path.name, _sha256(path)) for path in paths])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
