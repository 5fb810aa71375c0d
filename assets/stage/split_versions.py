"""What a training reads of a shard set: its digest is that of some splits, so that a test clip retrains no model."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from assets.project.graph import Stage
from assets.project.home import Home
from assets.project.source_versions import TRAIN_ON, train_on_input
from cals_models.shards.shard_format import MANIFEST_NAME, ShardError, read_manifest

TRAIN_ON_SPLITS = ("train",)


def splits_read(stage: Stage, train_on: Collection[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Input as the ledger names it -> dataset ("" for the stage's own) and splits, of shard sets read in part."""
    if not stage.splits:
        return {}
    others = train_on if TRAIN_ON in stage.sources else ()
    return {"shards": ("", stage.splits)} | {train_on_input(name): (name, TRAIN_ON_SPLITS) for name in others}


def split_version(home: Home, dataset: str, version: str, splits: Collection[str]) -> str:
    """Digest over the names and contents of the shards of some splits.

    Args:
        version: data version of the shard set; returned itself where its manifest is not that of the files on disk.
    """
    try:
        manifest = read_manifest(home.shards(dataset) / MANIFEST_NAME)
    except ShardError:
        return version
    if manifest.digest != version:
        return version
    rows = [shard for split in sorted(splits) for shard in manifest.splits.get(split, ())]
    lines = [f"{shard.path} {shard.sha256}" for shard in rows]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
