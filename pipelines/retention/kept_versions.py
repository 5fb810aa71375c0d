"""Kept versions of tables: those that no materialisation wrote, and rows of forgotten clips in superseded ones."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.home import Home
from assets.project.settings import Project
from assets.shards.contents import find_in_contents
from assets.store.kept_parts import KEPT_TABLES, recorded_parts, take_out_clips
from assets.store.part_versions import read_versions
from pipelines.lineage.ledger_graph import LedgerGraph
from pipelines.retention.removal import Removal, of_path


def find_unnamed_versions(project: Project, graph: LedgerGraph) -> Iterator[Removal]:
    """Kept parts that no ledger row names: a run was killed before it wrote its row."""
    named = {
        digest
        for row in graph.rows
        if row["asset"] in KEPT_TABLES
        for digest in recorded_parts(project.home, row).values()
    }
    unnamed = [path for path in _kept(project.home) if _original(path) not in named]
    present = _present_digests(project.home) if unnamed else set()  # a run may be about to write their row
    for path in unnamed:
        if _original(path) not in present:
            yield of_path(project, path, "old_version", "no materialisation wrote it")


def find_forgotten_rows(project: Project, hashes: Collection[str]) -> Iterator[Removal]:
    """Rows of forgotten clips in kept parts that are not current."""
    home = project.home
    clips = {
        clip
        for _, _, table in find_in_contents(home, "raw_sha256", hashes)
        for clip in table["clip_id"].to_pylist()
    }
    current = {version.part: version.digest for version in read_versions(home)}.values()
    for path in _kept(home):
        if _original(path) not in current and (num_rows := _count_rows(path, clips)):
            yield Removal(
                kind="forgotten",
                name=path.relative_to(home.root).as_posix(),
                why=f"{num_rows} rows of forgotten clips in a superseded version; its other rows stay",
                act=partial(take_out_clips, path, clips),
            )


def is_kept_version(home: Home, removal: Removal) -> bool:
    """Whether a removal changes what the history tables hold."""
    return removal.name.startswith(f"{home.history.relative_to(home.root).as_posix()}/")


def _kept(home: Home) -> list[Path]:
    return sorted(home.history.glob("*/*.parquet"))


def _original(path: Path) -> str:
    return path.stem.partition("-")[0]


def _present_digests(home: Home) -> set[str]:
    tables = {table for tables in KEPT_TABLES.values() for table in tables}
    parts = [path for table in sorted(tables) for path in (home.parts / table).glob("*.parquet")]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in parts}


def _count_rows(path: Path, clips: Collection[str]) -> int:
    if "clip_id" not in pq.read_schema(path).names:
        return 0
    held = pq.read_table(path, columns=["clip_id"], partitioning=None)["clip_id"]
    return int(pc.sum(pc.is_in(held, value_set=pa.array(sorted(clips), pa.string()))).as_py() or 0)
