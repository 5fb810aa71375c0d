"""Parts of the warehouse: Parquet files that stages replace atomically (DESIGN 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.home import Home


def part_path(home: Home, table: str, dataset: str, method: str | None = None) -> Path:
    """File of a dataset's (and method's) part of a table; ``external/acme`` becomes ``external-acme``."""
    name = f"{dataset}__{method.replace('/', '-')}" if method else dataset
    return home.parts / table / f"{name}.parquet"


def trained_part(stage: str, method: str | None) -> str:
    """What a model's parts are called after the dataset, since several stages write to the same tables."""
    return f"{stage}__{method}" if method else stage


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads one Parquet file; columns that it lacks are left out.

    ``pyarrow.parquet.read_table`` would load pandas, which takes longer than all other work of a run with nothing to do.
    """
    with pq.ParquetFile(path) as file:
        return file.read(columns=None if columns is None else list(columns))


def write_part(
    home: Home, table: str, rows: Sequence[dict[str, Any]], *, dataset: str, method: str | None = None
) -> Path:
    """Replaces one part; without rows it is removed, since a part lists what exists now.

    A column that only some rows have is null in the others.
    """
    path = part_path(home, table, dataset, method)
    if not rows:
        path.unlink(missing_ok=True)
        return path
    columns = dict.fromkeys(name for row in rows for name in row)
    content = pa.table({name: [row.get(name) for row in rows] for name in columns})
    with replacing(path) as temporary:
        pq.write_table(content, temporary, compression="zstd")
    return path


def merge_parts(parts: Sequence[Path], schema: pa.Schema, key: Sequence[str], order: str) -> Path:
    """Merges parts that are only ever added to into one, named after the last; a row that two of them hold stays once.

    Args:
        parts: sorted by name.
        schema: columns of the merged part.
        key: columns that tell rows apart.
        order: column to sort by.
    """
    merged = pa.concat_tables(
        [schema.empty_table(), *(read_part(path) for path in parts)], promote_options="default"
    )
    first: dict[tuple[Any, ...], int] = {}
    for index, values in enumerate(zip(*(merged[name].to_pylist() for name in key), strict=True)):
        first.setdefault(values, index)
    target = parts[-1].with_name(f"{parts[-1].stem.removesuffix('-all')}-all.parquet")
    with replacing(target) as temporary:
        pq.write_table(merged.take(list(first.values())).sort_by(order), temporary, compression="zstd")
    for path in parts:
        if path != target:
            path.unlink()
    return target
