"""Bucket files: one Parquet file a bucket of clips, one row a clip, recomputed only where its key changed.

The key of a row is (clip id, digest of the clip's input, version of the stage). A bucket file is replaced atomically. Until
the ledger has a row for them, ``written.jsonl`` beside the files names what was written: it tells finished work of an
interrupted run from a file that something else changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.store.file_digests import sha256_of
from assets.store.forced_clips import NOTHING_FORCED, ForcedClips
from assets.workers.rejected import UNEXPECTED
from cals_models.digests import digest_of

KEY_FIELDS = [
    pa.field("clip_id", pa.string(), nullable=False),
    pa.field("input_digest", pa.string(), nullable=False),
    pa.field("stage_version", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string()),
    pa.field("detail", pa.string()),
    pa.field("digest", pa.string(), nullable=False),
]
KEY_COLUMNS = [f.name for f in KEY_FIELDS]
ROWS_PER_GROUP = 8
WRITTEN_NAME = "written.jsonl"


@dataclass(frozen=True, kw_only=True)
class StageOutput:
    """Bucket files of one stage and dataset.

    Args:
        schema: own columns.
        version: of the stage.
        forced: clips that are computed again although their rows are up to date.
    """

    name: str
    folder: Path
    schema: pa.Schema
    version: str
    forced: ForcedClips = NOTHING_FORCED

    @property
    def full_schema(self) -> pa.Schema:
        own = [f for f in self.schema if f.name not in KEY_COLUMNS]
        return pa.schema(KEY_FIELDS + own)

    def path(self, bucket: int) -> Path:
        return self.folder / f"{bucket:05d}.parquet"

    def index(self, bucket: int) -> dict[str, dict[str, Any]]:
        """Key columns of a bucket's rows by clip id; empty when the bucket was never written."""
        return read_index(self.path(bucket))


@dataclass(kw_only=True)
class StageSummary:
    """Content of a stage after a pass.

    Args:
        digest: of the partition, over (clip, status, reason, output digest).
        outcomes: one row a clip: clip_id, status, reason, detail, digest.
        num_computed: clips that this pass computed.

    Attributes:
        num_rejected: clips that can't be used. num_unexpected: clips at which the pipeline failed, counted apart.
        reasons: of both kinds, with their numbers.
    """

    digest: str
    outcomes: list[dict[str, Any]]
    num_computed: int = 0
    num_ok: int = field(init=False)
    num_rejected: int = field(init=False)
    num_unexpected: int = field(init=False)
    reasons: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.num_ok = sum(row["status"] == "ok" for row in self.outcomes)
        self.reasons = dict(Counter(row["reason"] for row in self.outcomes if row["status"] != "ok"))
        self.num_unexpected = self.reasons.get(UNEXPECTED, 0)
        self.num_rejected = len(self.outcomes) - self.num_ok - self.num_unexpected

    @property
    def counts(self) -> dict[str, float | int]:
        """Clips accepted, rejected, ended by an unexpected error, and computed in this pass."""
        return {
            "accepted": self.num_ok,
            "rejected": self.num_rejected,
            "unexpected": self.num_unexpected,
            "computed": self.num_computed,
        }


def bucket_of(clip_id: str, num_buckets: int) -> int:
    """The bucket of a clip: a hash of its id, independent of which other clips there are."""
    return int(hashlib.sha256(clip_id.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16) % num_buckets


def read_index(path: Path) -> dict[str, dict[str, Any]]:
    """Key columns of a bucket file by clip id."""
    if not path.exists():
        return {}
    rows = pq.read_table(path, columns=KEY_COLUMNS).to_pylist()
    return {row["clip_id"]: row for row in rows}


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a bucket file, a few at a time; none when the bucket was never written."""
    if not path.exists():
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, columns=list(columns) if columns else None):
            yield from batch.to_pylist()


def read_ok_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Accepted rows of all buckets of a stage, in bucket order."""
    wanted = None if columns is None else [*dict.fromkeys([*columns, "status"])]
    for path in sorted(folder.glob("[0-9]*.parquet")):
        yield from (row for row in read_rows(path, wanted) if row["status"] == "ok")


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a bucket file by ``rows``, sorted by clip id."""
    ordered = sorted(rows, key=lambda row: str(row["clip_id"]))
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="none") as writer:
            for start in range(0, len(ordered), ROWS_PER_GROUP):
                group = [dict(row) for row in ordered[start : start + ROWS_PER_GROUP]]
                writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=ROWS_PER_GROUP)
        line = json.dumps({"name": path.name, "sha256": sha256_of(temporary)})
        with (path.parent / WRITTEN_NAME).open("a", encoding="utf-8") as written:
            written.write(line + "\n")


def written_since(folder: Path) -> set[tuple[str, str]]:
    """Name and sha256 of each bucket file that was written since the stage's last ledger row."""
    try:
        lines = (folder / WRITTEN_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    found = set()
    for line in lines:
        try:
            row = json.loads(line)
            found.add((str(row["name"]), str(row["sha256"])))
        except (ValueError, KeyError, TypeError):  # the last line of a run that was killed
            continue
    return found


def forget_written(folder: Path) -> None:
    """Called once the ledger has a row for the bucket files of a folder."""
    (folder / WRITTEN_NAME).unlink(missing_ok=True)


def is_current(row: Mapping[str, Any] | None, input_digest: str, version: str) -> bool:
    """Whether a row has this key; that of a clip at which the pipeline failed is tried again at each pass."""
    if row is None or row["reason"] == UNEXPECTED:
        return False
    return (row["input_digest"], row["stage_version"]) == (input_digest, version)


def summarise(folder: Path, num_computed: int = 0) -> StageSummary:
    """Outcomes and digest of all bucket files in a folder."""
    outcomes: list[dict[str, Any]] = []
    for path in sorted(folder.glob("[0-9]*.parquet")):
        for row in read_index(path).values():
            outcomes.append({k: row[k] for k in ("clip_id", "status", "reason", "detail", "digest")})
    outcomes.sort(key=lambda row: row["clip_id"])
    lines = [[row["clip_id"], row["status"], row["reason"], row["digest"]] for row in outcomes]
    return StageSummary(digest=digest_of(lines), outcomes=outcomes, num_computed=num_computed)
