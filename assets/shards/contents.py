"""The clips of each version of a shard set, kept when the set is written again.

The ledger names versions; only these files say which clips and which raw bytes an older model was trained on. There is
one Parquet file a version, named by the digest of the manifest; it holds names and hashes only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.store.table_parts import part_path
from cals_models.shards.shard_format import manifest_digest

SCHEMA = pa.schema([
    ("clip_id", pa.string()),
    ("key", pa.string()),
    ("split", pa.string()),
    ("shard", pa.string()),
    ("shard_sha256", pa.string()),
    ("raw_path", pa.string()),
    ("raw_sha256", pa.string()),
])  # fmt: skip


def contents_path(home: Home, dataset: str, digest: str) -> Path:
    return home.contents(dataset, digest)


def write_contents(home: Home, dataset: str, digest: str) -> Path:
    """Writes the contents of the present shard set, from the table parts that the stages have just written.

    Args:
        digest: data version of the shards, which is the digest of their manifest.

    Raises:
        ValueError: the parts describe another shard set, or are missing.
    """
    path = contents_path(home, dataset, digest)
    if path.exists():
        return path
    if digest == manifest_digest(()):
        return _write(path, SCHEMA.empty_table())  # every clip was rejected: there are no parts either
    shards = _part(home, "shards", dataset, ["path", "sha256"])
    hashes = dict(zip(shards["path"].to_pylist(), shards["sha256"].to_pylist(), strict=True))
    found = manifest_digest(hashes.items())
    if found != digest:
        raise ValueError(
            f"{part_path(home, 'shards', dataset)}: describes shards {found[:12]}, not {digest[:12]}; "
            "write the parts shards, shard_clips and clip_inventory before the contents"
        )
    clips = _part(home, "shard_clips", dataset, ["clip_id", "key", "split", "shard"])
    raw = _part(home, "clip_inventory", dataset, ["clip_id", "path", "sha256"])
    raw = raw.rename_columns(["clip_id", "raw_path", "raw_sha256"])
    table = clips.join(raw, "clip_id", join_type="left outer")
    names = pa.array([hashes[name] for name in table["shard"].to_pylist()], pa.string())
    table = table.append_column("shard_sha256", names).select(SCHEMA.names).sort_by("clip_id")
    return _write(path, table.cast(SCHEMA))


def _write(path: Path, table: pa.Table) -> Path:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def write_missing_contents(home: Home) -> None:
    """Writes the contents of all present shard sets for which a run ended before it did."""
    for path in sorted((home.parts / "shards").glob("*.parquet")):
        rows = pq.read_table(path, columns=["path", "sha256"], partitioning=None).to_pylist()
        digest = manifest_digest((row["path"], row["sha256"]) for row in rows)
        if not contents_path(home, path.stem, digest).exists():
            write_contents(home, path.stem, digest)


def _part(home: Home, table: str, dataset: str, columns: list[str]) -> pa.Table:
    path = part_path(home, table, dataset)
    if not path.exists():
        raise ValueError(f"{path}: not there; write it before the contents of the shards")
    return pq.read_table(path, columns=columns, partitioning=None)


def read_contents(home: Home, dataset: str, digest: str) -> pa.Table | None:
    """Clips of a version of a shard set (``SCHEMA``), or None where that version is not on record."""
    path = contents_path(home, dataset, digest)
    return pq.read_table(path, partitioning=None) if path.exists() else None


def find_in_contents(
    home: Home, column: str, values: Collection[str], *, prefix: bool = False
) -> Iterator[tuple[str, str, pa.Table]]:
    """Versions of shard sets that hold some clips, raw files or shards.

    Args:
        column: a column of ``SCHEMA``.
        values: values to find in it.
        prefix: whether values are prefixes.

    Yields:
        Dataset, version, and the rows found (``SCHEMA``).
    """
    for path in sorted((home.warehouse / "contents").glob("*/*.parquet")):
        held = pq.read_table(path, columns=[column], partitioning=None)[column]
        if prefix:
            masks = [pc.starts_with(held, pattern=value) for value in values]
            mask = masks[0]
            for other in masks[1:]:
                mask = pc.or_(mask, other)
        else:
            mask = pc.is_in(held, value_set=pa.array(sorted(values), pa.string()))
        if pc.any(mask).as_py():
            yield path.parent.name, path.stem, pq.read_table(path, partitioning=None).filter(mask)
