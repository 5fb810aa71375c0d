"""The inventory as one Parquet file with a row group a bucket, so that a bucket's clips are read alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.buckets import bucket_of
from assets.home import Home, replacing


def clip_table_path(home: Home, dataset: str) -> Path:
    return home.stage("clips", dataset) / "inventory.parquet"


def write_clip_table(home: Home, dataset: str, rows: Sequence[dict[str, Any]], num_buckets: int) -> None:
    """Replaces the inventory of a dataset; each row gets its ``bucket``."""
    placed = [row | {"bucket": bucket_of(row["clip_id"], num_buckets)} for row in rows]
    placed.sort(key=lambda row: (row["bucket"], row["clip_id"]))
    schema = pa.Table.from_pylist(placed).schema
    with (
        replacing(clip_table_path(home, dataset)) as temporary,
        pq.ParquetWriter(temporary, schema) as writer,
    ):
        for bucket in range(num_buckets):
            group = [row for row in placed if row["bucket"] == bucket]
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=max(1, len(group)))


def read_clip_table(home: Home, dataset: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows of the inventory, accepted and rejected."""
    rows: list[dict[str, Any]] = pq.read_table(clip_table_path(home, dataset), columns=columns).to_pylist()
    return rows


def accepted_clips(home: Home, dataset: str, bucket: int) -> list[dict[str, Any]]:
    """Accepted rows of one bucket, by clip id."""
    filters = [("bucket", "=", bucket), ("status", "=", "ok")]
    rows = pq.read_table(clip_table_path(home, dataset), filters=filters).to_pylist()
    return sorted(rows, key=lambda row: str(row["clip_id"]))
