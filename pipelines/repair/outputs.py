"""Compares the files of the home with the ledger: missing, damaged, or never recorded.

Rows that name the digests of their files are compared with them (``recorded``); here are those of earlier versions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.project.home import Home
from assets.project.settings import Project
from assets.shards.contents import contents_path, write_contents
from assets.shards.write_shards import index_path
from assets.store.bucket_files import read_index, summarise
from assets.store.current_model import CURRENT_FILE, find_current_model
from assets.store.file_digests import FileDigests
from assets.store.ledger import Heads
from assets.store.table_parts import part_path, read_part
from cals_models.shards.shard_format import MANIFEST_NAME, ShardError, read_manifest
from pipelines.lineage.ledger_graph import MODEL_ASSETS, Row, label, partition
from pipelines.repair.current_rows import current_rows
from pipelines.repair.flaw import Flaw
from pipelines.repair.mending import REMADE
from pipelines.repair.recorded import find_recorded_flaws

BUCKET_ASSETS = ("face_tracks", "face_crops", "mels", "av_offsets")
PARTS = {"clips": ("raw_files", "clip_inventory"), "shards": ("shards", "shard_clips")}


def find_output_flaws(
    project: Project, heads: Heads, digests: FileDigests, busy: Collection[str] = (), *, deep: bool = False
) -> Iterator[Flaw]:
    """Current partitions whose files differ from the ledger.

    Args:
        heads: latest ledger row of each partition.
        digests: of the home's files.
        busy: datasets on which a run is working, which are skipped.
        deep: also reads the bucket files of rows that an earlier version wrote, which name no files.
    """
    for row in current_rows(project, heads, busy):
        if row["files_digest"] is None:
            yield from find_unrecorded_flaws(project.home, row, digests, deep=deep)
    yield from find_recorded_flaws(project, heads, digests, busy)


def find_unrecorded_flaws(home: Home, row: Row, digests: FileDigests, *, deep: bool = True) -> Iterator[Flaw]:
    """Files of a row that names none: what can be told from its data version and from the tables."""
    asset = row["asset"]
    for table in PARTS.get(asset, ()) if asset != "shards" or row["num_clips"] else ():
        yield from _needs(home, row, part_path(home, table, row["dataset"]))
    if asset == "clips":
        yield from _needs(home, row, home.stage("clips", row["dataset"]) / "inventory.parquet")
    elif asset in BUCKET_ASSETS:
        yield from _bucket_flaws(home, row, deep)
    elif asset == "shards":
        yield from _shard_flaws(home, row, digests, deep)
    elif asset in MODEL_ASSETS and row["mlflow_run_id"]:
        yield from _model_flaws(home, row, digests, deep)
    elif asset == "renders":
        yield from _render_flaws(home, row, digests, deep)
    elif asset == "clip_metrics":
        yield from _part_flaws(home, row, "clip_metrics")
        if json.loads(row["settings_json"]).get("fid_weights"):
            yield from _part_flaws(home, row, "set_metrics")
    elif asset == "metric_report":
        yield from _needs(home, row, home.report(row["dataset"]))


def _flaw(kind: str, row: Row, text: str, mend: Any = None, remedy: str = REMADE) -> Flaw:
    return Flaw(kind=kind, text=f"{label(row)}: {text}", remedy=remedy, mend=mend, remake=(partition(row),))


def _needs(home: Home, row: Row, path: Path) -> Iterator[Flaw]:
    if not path.exists():
        yield _flaw("missing_output", row, f"{path.relative_to(home.root)} is missing")


def _bucket_flaws(home: Home, row: Row, deep: bool) -> Iterator[Flaw]:
    folder = home.stage(row["asset"], row["dataset"])
    paths = sorted(folder.glob("[0-9]*.parquet"))
    if not paths and row["num_clips"]:
        yield _flaw("missing_output", row, f"{folder.relative_to(home.root)} holds no bucket file")
        return
    if not deep:
        return
    unreadable = [path for path in paths if not _is_readable(path)]
    for path in unreadable:
        text = f"{path.relative_to(home.root)} is not readable"
        yield _flaw("damaged_output", row, text, partial(path.unlink, missing_ok=True))
    if not unreadable and summarise(folder).digest != row["data_version"]:
        yield _flaw("unrecorded_output", row, "its bucket files are not those of the ledger")


def _is_readable(path: Path) -> bool:
    try:
        read_index(path)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _shard_flaws(home: Home, row: Row, digests: FileDigests, deep: bool) -> Iterator[Flaw]:
    folder = home.shards(row["dataset"])
    manifest = folder / MANIFEST_NAME
    if not manifest.exists():
        yield _flaw("missing_output", row, f"{manifest.relative_to(home.root)} is missing")
        return
    try:
        listed = read_manifest(manifest)
        digest, shards = listed.digest, listed.splits
    except ShardError as error:
        yield _flaw("damaged_output", row, str(error))
        return
    if digest != row["data_version"]:
        yield _flaw(
            "unrecorded_output",
            row,
            f"its shards are {digest[:12]}, the ledger has {row['data_version'][:12]}",
        )
        return
    if not contents_path(home, row["dataset"], digest).exists():
        yield Flaw(
            kind="missing_output",
            text=f"{label(row)}: the list of its clips is not on record",
            remedy="stored now",
            mend=partial(write_contents, home, row["dataset"], digest),
        )
    for shard in (shard for some in shards.values() for shard in some):
        path = folder / shard.path
        if not path.exists():
            yield _flaw("missing_output", row, f"{path.relative_to(home.root)} is missing")
        elif path.stat().st_size != shard.num_bytes or (deep and _differs(home, digests, path, shard.sha256)):
            text = f"{path.relative_to(home.root)} is not the file in its manifest"
            yield _flaw(
                "damaged_output", row, text, partial(_remove_shard, path), "removed, to be made again"
            )


def _remove_shard(path: Path) -> None:
    index_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _model_flaws(home: Home, row: Row, digests: FileDigests, deep: bool) -> Iterator[Flaw]:
    base = home.model(row["asset"], row["dataset"], row["method"])
    folder = find_current_model(base)
    if folder is None:
        yield _flaw(
            "missing_output",
            row,
            f"{(base / CURRENT_FILE).relative_to(home.root)} is missing or not readable",
        )
        return
    weights, result = folder / "model.safetensors", _result(folder)
    if result is None or not weights.exists():
        there = "result.json" if result is None else weights.name
        yield _flaw(
            "missing_output",
            row,
            f"{(folder / there).relative_to(home.root)} is missing or not readable",
        )
        return
    if result != row["data_version"]:
        yield _flaw(
            "unrecorded_output",
            row,
            f"its model is {result[:12]}, the ledger has {row['data_version'][:12]}",
        )
    elif deep and _differs(home, digests, weights, result):
        yield _flaw(
            "damaged_output",
            row,
            f"{weights.relative_to(home.root)} has other bytes than its training wrote",
            partial(_undo_ending, folder),
            "removed; its training resumes from the checkpoint",
        )


def _result(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "result.json").read_text(encoding="utf-8"))["weights_sha256"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _undo_ending(folder: Path) -> None:
    for name in ("result.json", "model.safetensors"):
        (folder / name).unlink(missing_ok=True)


def _render_flaws(home: Home, row: Row, digests: FileDigests, deep: bool) -> Iterator[Flaw]:
    flaws = list(_part_flaws(home, row, "render_clips"))
    yield from flaws
    if flaws:
        return
    part = part_path(home, "render_clips", row["dataset"], row["method"])
    folder = home.renders(row["dataset"], row["method"])
    if not part.exists():
        return
    there = {f"{path.name}/{name}" for path in folder.glob("*/") for name in os.listdir(path)}
    for video in read_part(part, ["path", "sha256", "status"]).to_pylist():
        if video["status"] != "ok":
            continue
        if video["path"] not in there:
            yield _flaw("missing_output", row, f"{folder.relative_to(home.root)}/{video['path']} is missing")
        elif deep and _differs(home, digests, path := folder / video["path"], video["sha256"]):
            text = f"{folder.relative_to(home.root)}/{video['path']} has other bytes than were rendered"
            yield _flaw(
                "damaged_output",
                row,
                text,
                partial(path.unlink, missing_ok=True),
                "removed, to be made again",
            )


def _part_flaws(home: Home, row: Row, table: str) -> Iterator[Flaw]:
    path = part_path(home, table, row["dataset"], row["method"])
    if not path.exists() and row["num_clips"]:
        yield _flaw("missing_output", row, f"{path.relative_to(home.root)} is missing")


def _differs(home: Home, digests: FileDigests, path: Path, sha256: str) -> bool:
    return digests.of(path.relative_to(home.root).as_posix()) != sha256
