"""Edits of a home by hand, over all kinds of file of ours, with sizes kept where possible and times restored."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.home import Home
from assets.store.published_file import close_to_writers, log_path

Edit = Callable[[Path, random.Random], None]
DATABASE_EDITS = {
    "clip_metrics_history": "update clip_metrics_history set value = value + 0.001 where value is not null",
    "training_curves_history": "delete from training_curves_history where step = 4",
    "raw_files": "insert into raw_files (dataset, path) values ('small', 'one more')",
    "materializations": "update materializations set git_commit = 'another' where asset = 'clips'",
    "table_3": "create or replace view table_3 as select 1 as psnr",
    "one_more": "create table one_more as select 1 as value",
    "shards": "comment on table shards is 'another comment'",
}
"""What is changed -> the statement; each is named by the table or view."""


def flip(path: Path, rng: random.Random) -> None:
    """Flips a bit in the middle of the file's bytes."""
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content) // 4, max(len(content) // 4 + 1, 3 * len(content) // 4))
    content[place] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def change_value(path: Path, rng: random.Random) -> None:
    """Changes one value of a Parquet file, which stays a whole Parquet file."""
    table = pq.read_table(path, partitioning=None)
    names = [
        field.name
        for field in table.schema
        if pa.types.is_string(field.type) or pa.types.is_floating(field.type)
    ]
    name = rng.choice([name for name in names if table[name].null_count < len(table)])
    values = table[name].to_pylist()
    at = rng.choice([place for place, value in enumerate(values) if value is not None])
    values[at] = f"{values[at]}x" if isinstance(values[at], str) else values[at] + 0.5
    field = table.schema.field(name)
    column = pa.array(values, field.type)
    pq.write_table(table.set_column(table.schema.get_field_index(name), field, column), path)


def remove_row(path: Path, rng: random.Random) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(1), path)


def add_row(path: Path, rng: random.Random) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)


def change_json(path: Path, rng: random.Random) -> None:
    """Changes one digit of a text file."""
    text = path.read_text(encoding="utf-8")
    at = rng.choice([place for place, letter in enumerate(text) if letter.isdigit()])
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :], encoding="utf-8")


def remove_line(path: Path, rng: random.Random) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.pop(rng.randrange(len(lines)))
    path.write_text("".join(lines), encoding="utf-8")


def delete(path: Path, rng: random.Random) -> None:
    path.unlink()


def copy_beside(path: Path, rng: random.Random) -> None:
    """Adds a file: a copy under another name."""
    shutil.copy2(path, added_name(path))


def added_name(path: Path) -> Path:
    return path.with_name(f"9{path.name}")


@dataclass(frozen=True, kw_only=True)
class HandEdit:
    """One edit of a file.

    Args:
        pattern: of the files that it may change, below the home.
        edit: changes one of them.
        names: what a finding has to contain, from the file's path; by default the path.
    """

    pattern: str
    edit: Edit
    names: Callable[[str], str] = str


def _added(name: str) -> str:
    return Path(name).with_name(f"9{Path(name).name}").as_posix()


def _column_of(tables: str, edit: Edit) -> list[HandEdit]:
    return [HandEdit(pattern=f"warehouse/parts/{table}/*.parquet", edit=edit) for table in tables.split()]


FILE_EDITS: list[HandEdit] = [
    *_column_of("raw_files clip_inventory face_tracks shards training_curves clip_metrics masked_audio", change_value),
    *_column_of("shard_clips av_offsets render_clips context_window", flip),
    *_column_of("clip_outcomes clip_metrics training_curves", remove_row),
    *_column_of("clip_outcomes render_clips", add_row),
    *_column_of("models", delete),
    *[
        HandEdit(pattern=f"stages/{stage}/*/0*.parquet", edit=edit)
        for stage, edit in [
            ("clips", change_value), ("face_tracks", flip), ("face_crops", flip), ("mels", flip),
            ("av_offsets", change_value), ("mels", remove_row), ("face_crops", delete),
        ]
    ],
    HandEdit(pattern="stages/mels/*/0*.parquet", edit=copy_beside, names=_added),
    HandEdit(pattern="stages/clips/*/inventory.parquet", edit=change_value),
    HandEdit(pattern="stages/*/*/pictures/*.png", edit=flip),
    HandEdit(pattern="stages/*/*/*/pictures/*.png", edit=delete),
    HandEdit(pattern="shards/*/*.tar", edit=flip),
    HandEdit(pattern="shards/*/*.tar", edit=flip),
    HandEdit(pattern="shards/*/*.tar", edit=delete),
    HandEdit(pattern="shards/*/*.tar", edit=copy_beside, names=_added),
    HandEdit(pattern="shards/*/*.index.json", edit=change_json),
    HandEdit(pattern="shards/*/manifest.json", edit=change_json),
    HandEdit(pattern="shards/*/croissant.json", edit=change_json),
    HandEdit(pattern="models/**/model.safetensors", edit=flip),
    HandEdit(pattern="models/**/model.safetensors", edit=flip),
    HandEdit(pattern="models/**/checkpoint.pt", edit=flip),
    *[
        HandEdit(pattern=f"models/**/{name}", edit=change_json)
        for name in ("model.json", "result.json", "config.json", "job.json", "mlflow_run_id", "registered_version")
    ],
    HandEdit(pattern="models/**/progress.jsonl", edit=remove_line),
    HandEdit(pattern="models/**/training.log", edit=copy_beside, names=_added),
    HandEdit(pattern="models/**/current.json", edit=change_json),
    HandEdit(pattern="renders/*/*/own/*.mkv", edit=flip),
    HandEdit(pattern="renders/*/*/other/*.mkv", edit=delete),
    HandEdit(pattern="renders/*/*/own/*.mkv", edit=copy_beside, names=_added),
    HandEdit(pattern="renders/*/*/index.jsonl", edit=change_json),
    HandEdit(pattern="report/*/index.html", edit=change_json),
    HandEdit(pattern="report/index.html", edit=remove_line),
    HandEdit(pattern="warehouse/contents/*/*.parquet", edit=change_value),
    HandEdit(pattern="warehouse/code/*.json", edit=change_json),
    HandEdit(pattern="warehouse/code/*.json", edit=delete),
    HandEdit(pattern="warehouse/code/sources/*.json.gz", edit=flip),
    HandEdit(pattern="warehouse/history/*/*.parquet", edit=flip),
    HandEdit(pattern="warehouse/parts/shards/*.parquet", edit=copy_beside, names=_added),
    HandEdit(pattern="stages/raw_videos/*/scan.parquet", edit=change_value),
]  # fmt: skip
LEDGER_EDITS: list[HandEdit] = [
    HandEdit(pattern="warehouse/parts/materializations/*.parquet", edit=change_value),
    HandEdit(pattern="warehouse/parts/materializations/*.parquet", edit=change_value),
    HandEdit(pattern="warehouse/parts/recorded_files/*.parquet", edit=change_value),
    HandEdit(pattern="warehouse/parts/recorded_files/*.parquet", edit=remove_row),
]


def edit_files(home: Home, edits: list[HandEdit], seed: int) -> dict[str, str]:
    """Edits a file for each, a different one each time, and restores all times.

    Returns:
        What a finding has to contain -> what was done.
    """
    rng = random.Random(seed)
    used: set[Path] = set()
    done = {}
    for edit in edits:
        adds = edit.edit is copy_beside
        paths = sorted(home.root.glob(edit.pattern))
        paths = [path for path in paths if (added_name(path) if adds else path) not in used]
        assert paths, f"no file is left for {edit.pattern}"
        path = rng.choice(paths)
        used.add(added_name(path) if adds else path)
        kept, folder = path.stat(), path.parent.stat()
        edit.edit(path, rng)
        if path.exists():
            os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        os.utime(path.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))
        name = edit.names(path.relative_to(home.root).as_posix())
        done[name] = f"{edit.edit.__name__} {path.relative_to(home.root)}"
    return done


def edit_database(home: Home) -> dict[str, str]:
    """Changes values, rows, views and comments of the published database, as a client did that could write to it."""
    kept = home.database.stat()
    log_path(home.database).unlink()
    with duckdb.connect(str(home.database)) as connection:
        for statement in DATABASE_EDITS.values():
            connection.execute(statement)
    close_to_writers(home.database)
    os.utime(home.database, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    return dict(DATABASE_EDITS)


CACHE_EDITS = [HandEdit(pattern="warehouse/bootstrap_intervals.parquet", edit=change_value)]


def change_cache(home: Home) -> str:
    """Changes one digest of the cache of digests; returns the file that it is of."""
    path = home.warehouse / ".hashed.json"
    content = json.loads(path.read_text())
    name = sorted(content)[0]
    content[name][2] = "0" * 64
    path.write_text(json.dumps(content))
    return name
