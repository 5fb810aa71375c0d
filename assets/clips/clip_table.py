"""The inventory as one Parquet file with a row group a bucket, so that a bucket's clips are read alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.clips.clip_rows import SCHEMA
from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.raw_videos.layouts.source_clip import suffix_of
from assets.store.bucket_files import bucket_of
from cals_models.digests import digest_of

TABLE_SCHEMA = SCHEMA.append(pa.field("bucket", pa.int32()))


def clip_table_path(home: Home, dataset: str) -> Path:
    return home.stage("clips", dataset) / "inventory.parquet"


def write_clip_table(home: Home, dataset: str, rows: Sequence[dict[str, Any]], num_buckets: int) -> None:
    """Replaces the inventory of a dataset; each row gets its ``bucket``."""
    groups: list[list[dict[str, Any]]] = [[] for _ in range(num_buckets)]
    for row in sorted(rows, key=lambda row: str(row["clip_id"])):
        bucket = bucket_of(row["clip_id"], num_buckets)
        groups[bucket].append(row | {"bucket": bucket})
    path = clip_table_path(home, dataset)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, TABLE_SCHEMA) as writer:
        for group in groups:
            writer.write_table(
                pa.Table.from_pylist(group, schema=TABLE_SCHEMA), row_group_size=max(1, len(group))
            )


def read_clip_table(home: Home, dataset: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows of the inventory, accepted and rejected."""
    rows: list[dict[str, Any]] = pq.read_table(clip_table_path(home, dataset), columns=columns).to_pylist()
    return rows


def accepted_clips(home: Home, dataset: str, bucket: int) -> list[dict[str, Any]]:
    """Accepted rows of one bucket, by clip id."""
    filters = [("bucket", "=", bucket), ("status", "=", "ok")]
    rows = pq.read_table(clip_table_path(home, dataset), filters=filters).to_pylist()
    return sorted(rows, key=lambda row: str(row["clip_id"]))


def clip_digest(clip: Mapping[str, Any]) -> str:
    """Digest of the part of a raw file that a clip is: the same wherever the file lies, and whatever it is called.

    Its suffix counts, since a reader may go by it.
    """
    suffix = suffix_of(clip["relative_path"])
    return digest_of(clip["sha256"], suffix, clip["common_start_s"], clip["num_frames_25"])
