"""Compares the files of the home with the ledger: missing, damaged, or newer than any row."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
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
from assets.store.ledger import Heads
from assets.store.table_parts import part_path, read_part
from cals_models.shards.shard_format import MANIFEST_NAME, ShardError, read_manifest
from pipelines.lineage.ledger_graph import MODEL_ASSETS, Row, label, partition
from pipelines.repair.flaw import Flaw

BUCKET_ASSETS = ("face_tracks", "face_crops", "mels", "av_offsets")
PARTS = {"clips": ("raw_files", "clip_inventory"), "shards": ("shards", "shard_clips")}
REMADE = "to be made again"
CLOCK_S = 2.0


@dataclass
class Reading:
    """Limit on the content that is read.

    Args:
        bytes_left: bytes that may still be hashed; 0 compares names and sizes only.
        skipped: files that were not hashed because of the limit.
    """

    bytes_left: int = 0
    skipped: int = 0

    def differs(self, path: Path | str, sha256: str) -> bool:
        """Whether a file's content differs from the recorded hash, as far as it may be read."""
        num_bytes = os.path.getsize(path) if self.bytes_left > 0 else 0
        if num_bytes >= self.bytes_left:
            self.skipped += 1
            return False
        self.bytes_left -= num_bytes
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != sha256


def find_output_flaws(
    project: Project, heads: Heads, reading: Reading, busy: Collection[str] = ()
) -> Iterator[Flaw]:
    """Current partitions whose files differ from the ledger.

    Args:
        heads: latest ledger row of each partition.
        busy: datasets on which a run is working, which are skipped.
    """
    for row in current_rows(project, heads, busy):
        yield from _flaws_of(project.home, row, reading)


def current_rows(project: Project, heads: Heads, busy: Collection[str]) -> Iterator[Row]:
    """Latest rows of the partitions that ``cals.yaml`` names, except those of busy datasets."""
    for row in heads.values():
        dataset = project.datasets.get(row["dataset"])
        is_named = dataset is not None and (row["method"] is None or row["method"] in dataset.methods)
        if is_named and row["dataset"] not in busy:
            yield row


def _flaws_of(home: Home, row: Row, reading: Reading) -> Iterator[Flaw]:
    asset = row["asset"]
    for table in PARTS.get(asset, ()) if asset != "shards" or row["num_clips"] else ():
        yield from _needs(home, row, part_path(home, table, row["dataset"]))
    if asset == "clips":
        yield from _needs(home, row, home.stage("clips", row["dataset"]) / "inventory.parquet")
    elif asset in BUCKET_ASSETS:
        yield from _bucket_flaws(home, row, reading)
    elif asset == "shards":
        yield from _shard_flaws(home, row, reading)
    elif asset in MODEL_ASSETS and row["mlflow_run_id"]:
        yield from _model_flaws(home, row, reading)
    elif asset == "renders":
        yield from _render_flaws(home, row, reading)
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


def _bucket_flaws(home: Home, row: Row, reading: Reading) -> Iterator[Flaw]:
    folder = home.stage(row["asset"], row["dataset"])
    paths = sorted(folder.glob("[0-9]*.parquet"))
    if not paths and row["num_clips"]:
        yield _flaw("missing_output", row, f"{folder.relative_to(home.root)} holds no bucket file")
        return
    if reading.bytes_left <= 0:
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


def _shard_flaws(home: Home, row: Row, reading: Reading) -> Iterator[Flaw]:
    folder = home.shards(row["dataset"])
    manifest = folder / MANIFEST_NAME
    if not manifest.exists():
        yield _flaw("missing_output", row, f"{manifest.relative_to(home.root)} is missing")
        return
    try:
        _, digest, shards = read_manifest(manifest)
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
        elif path.stat().st_size != shard.num_bytes or reading.differs(path, shard.sha256):
            text = f"{path.relative_to(home.root)} is not the file in its manifest"
            yield _flaw(
                "damaged_output", row, text, partial(_remove_shard, path), "removed, to be made again"
            )


def _remove_shard(path: Path) -> None:
    index_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _model_flaws(home: Home, row: Row, reading: Reading) -> Iterator[Flaw]:
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
    elif reading.differs(weights, result):
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


def _render_flaws(home: Home, row: Row, reading: Reading) -> Iterator[Flaw]:
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
        elif reading.differs(path := os.path.join(folder, video["path"]), video["sha256"]):
            text = f"{folder.relative_to(home.root)}/{video['path']} has other bytes than were rendered"
            yield _flaw(
                "damaged_output",
                row,
                text,
                partial(Path(path).unlink, missing_ok=True),
                "removed, to be made again",
            )


def _part_flaws(home: Home, row: Row, table: str) -> Iterator[Flaw]:
    """A part that is missing, or newer than its last row in the ledger and so never recorded."""
    path = part_path(home, table, row["dataset"], row["method"])
    if not path.exists():
        if row["num_clips"]:
            yield _flaw("missing_output", row, f"{path.relative_to(home.root)} is missing")
    elif path.stat().st_mtime > row["at"].timestamp() + CLOCK_S:
        yield _flaw(
            "unrecorded_output", row, f"{path.relative_to(home.root)} is newer than its row in the ledger"
        )
