"""The shard format: names, shapes and the manifest.

A shard set is a folder with `manifest.json` and tar files `<split>-<bucket>.tar`. A sample is one clip,
five members that share a key (the first 16 hex digits of sha256(clip id)), always in this order:

    KEY.flac           16 kHz mono audio, int16, 640 T samples
    KEY.json           clip id, number of frames, byte offsets of the JPEGs, validity, boxes, A/V offset, ...
    KEY.landmarks.npy  float32 (T, 68, 2), crop pixels, (x, y)
    KEY.mel.npy        float16 (80, 4T), log10 magnitude, frame k at k * 10 ms
    KEY.mjpeg          the T crops, S x S RGB JPEGs one after the other

S, the side of all crops of a set, is `crop_px` of its manifest; a manifest without it has crops of 128 px. T is the number of video frames at 25 fps. Any WebDataset reader can read the tars.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BASE_CROP_PX = 128
"""Side of the crops of a set whose manifest gives none. Encoders of lips and the paper's protocol look at crops of this size,
whatever the set's."""
CROP_SIZES_PX = (BASE_CROP_PX, 2 * BASE_CROP_PX)
NUM_MELS = 80
NUM_LANDMARKS = 68
SPLITS = ("train", "val", "test")
MEMBERS = ("flac", "json", "landmarks.npy", "mel.npy", "mjpeg")
MANIFEST_NAME = "manifest.json"
MANIFEST_FORMAT = 1

_SHARD_NAME = re.compile(rf"({'|'.join(SPLITS)})-\d{{5}}\.tar")


class ShardError(ValueError):
    """A shard set contradicts its manifest or the format; the message names the file and the remedy."""


@dataclass(frozen=True, kw_only=True)
class ShardFile:
    """One row of the manifest: a tar file of one split."""

    path: str
    num_clips: int
    num_frames: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ShardManifest:
    """What a manifest says.

    Args:
        dataset: its name.
        digest: of the shard set; the version of the data.
        splits: split -> its shards.
        crop_px: side of the crops, pixels.
    """

    dataset: str
    digest: str
    splits: dict[str, list[ShardFile]]
    crop_px: int = BASE_CROP_PX


def clip_key(clip_id: str) -> str:
    """The key of a clip in its shard: 16 hex digits, because WebDataset cuts names at the first dot."""
    return hashlib.sha256(clip_id.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def manifest_digest(shards: Iterable[tuple[str, str]]) -> str:
    """Digest of a shard set: sha256 over its sorted (path, sha256) pairs, one line each."""
    lines = "".join(f"{path} {sha256}\n" for path, sha256 in sorted(shards))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def read_manifest(path: Path) -> ShardManifest:
    """Reads and checks a manifest.

    Args:
        path: of manifest.json.

    Raises:
        ShardError: no such file, no manifest of this format, incomplete, of another crop size than there are, or its digest
            is not that of its shards.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ShardError(f"{path.parent}: no {MANIFEST_NAME} there; expected a folder of shards") from error
    except (OSError, ValueError) as error:
        raise ShardError(f"{path}: is no readable manifest ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise ShardError(f"{path}: is no manifest of format {MANIFEST_FORMAT}; materialise the shards again")
    try:
        shards = {
            split: [
                ShardFile(
                    path=row["path"],
                    num_clips=int(row["num_clips"]),
                    num_frames=int(row["num_frames"]),
                    num_bytes=int(row["bytes"]),
                    sha256=row["sha256"],
                )
                for row in listed["shards"]
            ]
            for split, listed in manifest["splits"].items()
        }
        dataset, digest = str(manifest["dataset"]), str(manifest["digest"])
        crop_px = manifest.get("crop_px", BASE_CROP_PX)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ShardError(f"{path}: is incomplete ({error!r}); materialise the shards again") from error
    for split, rows in shards.items():
        for row in rows:
            if _SHARD_NAME.fullmatch(row.path) is None or not row.path.startswith(f"{split}-"):
                raise ShardError(
                    f"{path}: lists {row.path!r} under {split}; expected {split}-00000.tar and the like"
                )
    if crop_px not in CROP_SIZES_PX:
        sizes = " or ".join(map(str, CROP_SIZES_PX))
        raise ShardError(f"{path}: crop_px is {crop_px!r}; expected {sizes}; materialise the shards again")
    if digest != manifest_digest((row.path, row.sha256) for rows in shards.values() for row in rows):
        raise ShardError(f"{path}: its digest is not that of its shards; materialise the shards again")
    return ShardManifest(dataset=dataset, digest=digest, splits=shards, crop_px=crop_px)
