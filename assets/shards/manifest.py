"""Manifest of a shard set and its rows for the tables, from the indices beside the shards."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.project.atomic_files import write_text
from assets.shards.croissant import CROISSANT_NAME, croissant
from assets.shards.write_shards import index_path, read_shard_index, shard_name
from cals_models.shards.shard_format import (
    BASE_CROP_PX,
    MANIFEST_FORMAT,
    MANIFEST_NAME,
    SPLITS,
    manifest_digest,
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Contents of a shard set.

    Args:
        digest: content of the set; changes if and only if a shard's bytes or name change.
        shards: a row a shard: dataset, split, path, num_clips, num_frames, bytes, sha256.
        clips: a row a clip: dataset, split, clip_id, key, shard, num_frames, and the digests of its
            crops, mels and offset.
        crop_px: side of the crops.
    """

    digest: str
    shards: list[dict[str, Any]]
    clips: list[dict[str, Any]]
    crop_px: int = BASE_CROP_PX

    def num_clips(self, split: str) -> int:
        return sum(row["num_clips"] for row in self.shards if row["split"] == split)


def write_manifest(
    folder: Path, dataset: str, buckets: Collection[int], crop_px: int = BASE_CROP_PX
) -> Manifest:
    """Writes `manifest.json` and `croissant.json` of the buckets' shards, and removes shards of other buckets.

    Args:
        folder: of the shard set.
        dataset: its name.
        buckets: numbers of all buckets.
        crop_px: side of the crops.

    Raises:
        ValueError: a shard has no index, or another size than its index says.
    """
    names = {shard_name(split, bucket): split for split in SPLITS for bucket in sorted(buckets)}
    present = {path.name for path in folder.glob("*.tar")}
    shards: list[dict[str, Any]] = []
    clips: list[dict[str, Any]] = []
    for name in sorted(names.keys() & present):
        index = read_shard_index(folder / name)
        if index is None:
            raise ValueError(
                f"{folder / name}: its index is missing or says another size; write the shard anew"
            )
        where = {"dataset": dataset, "split": names[name]}
        counts = {field: index[field] for field in ("num_clips", "num_frames", "bytes", "sha256")}
        shards.append({**where, "path": name, **counts})
        clips.extend({**where, "shard": name, **_clip_row(row)} for row in index["clips"])
    manifest = Manifest(
        digest=manifest_digest((row["path"], row["sha256"]) for row in shards),
        shards=shards,
        clips=clips,
        crop_px=crop_px,
    )
    folder.mkdir(parents=True, exist_ok=True)
    metadata = croissant(dataset, manifest.digest, manifest.shards, crop_px)
    write_text(folder / CROISSANT_NAME, json.dumps(metadata, indent=2) + "\n")
    write_text(folder / MANIFEST_NAME, manifest_json(manifest, dataset))
    for name in present - names.keys():
        index_path(folder / name).unlink(missing_ok=True)
        (folder / name).unlink()
    return manifest


def manifest_json(manifest: Manifest, dataset: str) -> str:
    """The text of `manifest.json`; it says the size of the crops where that is not 128 px."""
    splits = {}
    for split in SPLITS:
        rows = [row for row in manifest.shards if row["split"] == split]
        splits[split] = {
            "num_clips": sum(row["num_clips"] for row in rows),
            "num_frames": sum(row["num_frames"] for row in rows),
            "shards": [
                {field: row[field] for field in ("path", "num_clips", "num_frames", "bytes", "sha256")}
                for row in rows
            ],
        }
    size = {} if manifest.crop_px == BASE_CROP_PX else {"crop_px": manifest.crop_px}
    content = {
        "format": MANIFEST_FORMAT,
        "dataset": dataset,
        "digest": manifest.digest,
        **size,
        "splits": splits,
    }
    return json.dumps(content, indent=2) + "\n"


def _clip_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "clip_id": row["clip_id"],
        "key": row["key"],
        "num_frames": row["num_frames"],
        "crops_digest": row["face_crops"],
        "mel_digest": row["mels"],
        "offset_digest": row["av_offsets"],
    }
