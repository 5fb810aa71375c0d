"""Parts that stay when a stage replaces them: those of models, training curves and metrics.

A kept part is a copy under the digest of its bytes, ``history/<table>/<sha256>.parquet``. A ledger row names the digests of
the parts that its materialisation wrote (``parts_json``), so equal parts are stored once and each version is found from its
row. Rows of a forgotten clip are taken out of a kept part; it is then called ``<sha256>-<sha256 of what is left>.parquet``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing, write_text
from assets.project.graph import stage_names
from assets.project.home import Home
from assets.store.table_parts import part_path, read_part, trained_part

KEPT_TABLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(stage_names("models"), ("models", "training_curves")),
    "clip_metrics": ("clip_metrics", "set_metrics"),
    "context_window": ("context_window",),
    "masked_audio": ("masked_audio",),
}
"""Asset -> tables of whose parts every version stays."""
CLOCK_S = 2.0  # by which a file may be newer than the row that is written right after it


def written_part(home: Home, table: str, asset: str, dataset: str, method: str | None) -> Path:
    """The part of a table that a partition of an asset writes."""
    name = trained_part(asset, method) if asset in stage_names("models") else method
    return part_path(home, table, dataset, name)


def keep_parts(home: Home, asset: str, dataset: str, method: str | None) -> dict[str, str]:
    """Copies the current parts of a partition to where they stay.

    Returns:
        Table -> sha256 of its part; without the tables that have none.
    """
    digests = {}
    for table in KEPT_TABLES.get(asset, ()):
        path = written_part(home, table, asset, dataset, method)
        if not path.exists():
            continue
        content = path.read_bytes()
        digests[table] = hashlib.sha256(content).hexdigest()
        if find_kept(home, table, digests[table]) is None:
            with replacing(home.history / table / f"{digests[table]}.parquet") as temporary:
                temporary.write_bytes(content)
    return digests


def find_kept(home: Home, table: str, digest: str) -> Path | None:
    """The kept part with this digest, whole or without the rows of forgotten clips; None if there is none."""
    whole = home.history / table / f"{digest}.parquet"
    if whole.exists():
        return whole
    return next(iter(sorted(whole.parent.glob(f"{digest}-*.parquet"))), None)


def digest_in_name(path: Path) -> str:
    """The digest that a kept part's bytes must have."""
    return path.stem.rpartition("-")[2]


def take_out_clips(path: Path, clip_ids: Collection[str]) -> Path:
    """Replaces a kept part by one without the rows of some clips.

    Returns:
        The path of what is left; ``path`` itself if the part has no such row.
    """
    table = read_part(path)
    named = pc.is_in(table["clip_id"], value_set=pa.array(sorted(clip_ids), pa.string()))
    if not pc.any(named).as_py():
        return path
    left = pa.BufferOutputStream()
    pq.write_table(table.filter(pc.invert(named)), left, compression="zstd")
    content = left.getvalue().to_pybytes()
    original = path.stem.partition("-")[0]
    target = path.with_name(f"{original}-{hashlib.sha256(content).hexdigest()}.parquet")
    with replacing(target) as temporary:
        temporary.write_bytes(content)
    path.unlink()
    return target


def adopt_parts(home: Home, row: Mapping[str, Any] | None) -> None:
    """Keeps the parts of a row that an earlier version of the program recorded, before they are replaced.

    Args:
        row: latest ledger row of the partition; None if there is none. Parts newer than the row are not its own.
    """
    if row is None or row["parts_json"] is not None or row["asset"] not in KEPT_TABLES:
        return
    parts = [written_part(home, table, *_partition(row)) for table in KEPT_TABLES[row["asset"]]]
    newest = max((part.stat().st_mtime for part in parts if part.exists()), default=None)
    if newest is not None and newest <= row["at"].timestamp() + CLOCK_S:
        digests = keep_parts(home, *_partition(row))
        write_text(_adopted(home, row["materialization_id"]), json.dumps(digests, sort_keys=True))


def recorded_parts(home: Home, row: Mapping[str, Any]) -> dict[str, str]:
    """Table -> digest of the kept part that a ledger row's materialisation wrote."""
    text = row["parts_json"]
    if text is None and row["asset"] in KEPT_TABLES:
        path = _adopted(home, row["materialization_id"])
        text = path.read_text(encoding="utf-8") if path.exists() else None
    return dict(json.loads(text)) if text else {}


def _adopted(home: Home, materialization_id: str) -> Path:
    return home.history / "adopted" / f"{materialization_id}.json"


def _partition(row: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return row["asset"], row["dataset"], row["method"]
