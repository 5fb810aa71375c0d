"""The files that a partition of a stage leaves in the home: what its ledger row answers for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assets.project.graph import STAGES, stage_names
from assets.project.home import Home
from assets.store.bucket_files import WRITTEN_NAME
from assets.store.current_model import CURRENT_FILE, find_current_model
from assets.store.table_parts import part_path

OUTCOMES = "clip_outcomes"
TABLES: dict[str, tuple[str, ...]] = {
    "clips": ("raw_files", "clip_inventory"),
    "face_tracks": (OUTCOMES, "face_tracks"),
    "face_crops": (OUTCOMES,),
    "mels": (OUTCOMES, "clip_audio"),
    "av_offsets": (OUTCOMES, "av_offsets"),
    "shards": (OUTCOMES, "shards", "shard_clips"),
    **dict.fromkeys(stage_names("models"), ("models", "training_curves")),
    "renders": ("render_clips",),
    "clip_metrics": ("clip_metrics", "set_metrics"),
    "context_window": ("context_window",),
    "masked_audio": ("masked_audio",),
    "metric_report": ("mos_ratings",),
    "external_renders": ("external_renders",),
}
"""Asset -> tables that it writes a part of."""
CACHED = "landmarks"
"""Name of a folder that is only a cache: computed again where it is missing."""


def partition_files(home: Home, asset: str, dataset: str, method: str | None, data_version: str) -> list[str]:
    """Paths of a partition's files, relative to the home, sorted.

    Args:
        data_version: of the partition; the contents of a shard set are named by it.
    """
    found = [*_parts(home, asset, dataset, method), *_own_folders(home, asset, dataset, method)]
    if asset == "shards":
        found += [*_below(home.shards(dataset)), home.contents(dataset, data_version)]
    elif asset in stage_names("models"):
        found += _model(home.model(asset, dataset, method))
    elif asset == "renders" and method is not None:
        found += _below(home.renders(dataset, method))
    elif asset == "metric_report":
        found += [*_below(home.report(dataset).parent), home.report_overview]
    return sorted({path.relative_to(home.root).as_posix() for path in found if path.is_file()})


def _parts(home: Home, asset: str, dataset: str, method: str | None) -> Iterator[Path]:
    for table in TABLES.get(asset, ()):
        name = method
        if table == OUTCOMES:
            name = asset
        elif asset in stage_names("models"):
            name = f"{asset}__{method}" if method else asset
        yield part_path(home, table, dataset, name)


def _own_folders(home: Home, asset: str, dataset: str, method: str | None) -> Iterator[Path]:
    if asset not in STAGES:
        return
    folder = home.stage(asset, dataset)
    if method is None:
        yield from _below(folder)
        return
    yield from _below(folder / method)
    yield from _below(folder / CACHED)


def _model(base: Path) -> Iterator[Path]:
    yield base / CURRENT_FILE
    current = find_current_model(base)
    if current is not None:
        yield from _below(current)


def _below(folder: Path) -> Iterator[Path]:
    """All files below a folder, but for those being written."""
    for path in folder.rglob("*"):
        if not path.name.startswith(".") and path.name != WRITTEN_NAME:
            yield path
