"""Shards of one bucket of clips: a tar for each split, the same bytes for the same clips.

Beside each tar is `<split>-<bucket>.index.json`: the key of its inputs, its size and digest, and a row a clip. Manifest
and tables are built from these, without opening a tar.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.av_offsets.timed_clip import CROPS_COLUMNS, MELS_COLUMNS, lost_frames, timed_clip, with_track
from assets.project.atomic_files import replacing, write_text
from assets.shards.sample import OFFSET_COLUMNS, ClipFacts, encode_sample
from assets.shards.settings import ShardSettings
from assets.store.bucket_files import read_rows
from cals_models.digests import digest_of
from cals_models.shards.shard_format import SPLITS, clip_key

STAGE_COLUMNS = {"face_crops": CROPS_COLUMNS, "mels": MELS_COLUMNS, "av_offsets": OFFSET_COLUMNS}
OUTCOME_COLUMNS = ("clip_id", "status", "reason", "detail", "digest")
LENGTH_COLUMNS = {"face_crops": ("num_frames",), "mels": (), "av_offsets": ("applied_frames",)}

Outcomes = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Stage to clip id to the clip's row: ``OUTCOME_COLUMNS`` and those that give its length."""


@dataclass(frozen=True, kw_only=True)
class BucketInput:
    """Inputs of the shards of one bucket.

    Args:
        bucket: its number.
        clips: accepted clips of the bucket by id.
        stage_files: the bucket's Parquet file of face_crops, mels and av_offsets.
        version: version of the shards stage (code and settings).
        settings_digest: of all stages that produced the data; repeated in each sample.
    """

    bucket: int
    clips: Mapping[str, ClipFacts]
    stage_files: Mapping[str, Path]
    version: str
    settings_digest: str


@dataclass(frozen=True, kw_only=True)
class BucketShards:
    """Outcome of a bucket.

    Args:
        written: names of the shards written.
        unchanged: names of the shards that were up to date.
        excluded: a row for each clip that is in no shard: clip_id, the first stage that it did not pass, reason
            and detail.
    """

    written: list[str]
    unchanged: list[str]
    excluded: list[dict[str, str]]


def shard_name(split: str, bucket: int) -> str:
    return f"{split}-{bucket:05d}.tar"


def index_path(shard: Path) -> Path:
    """The index file beside a shard."""
    return shard.with_suffix(".index.json")


def write_bucket(
    folder: Path, source: BucketInput, settings: ShardSettings, *, is_forced: bool = False
) -> BucketShards:
    """Brings the shards of one bucket up to date.

    A shard is written anew only if its clips, one of their digests or the version differ from its index, or
    if its file is gone or of another size, or if all are forced. A split without clips loses its shard.

    Raises:
        ValueError: the stages' rows contradict each other.
    """
    outcomes = {stage: _outcomes(stage, path) for stage, path in source.stage_files.items()}
    excluded = []
    rows_of_split: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for clip_id, facts in sorted(source.clips.items()):
        exclusion = _exclusion(clip_id, outcomes, settings)
        if exclusion is not None:
            excluded.append(exclusion)
        else:
            rows_of_split[facts.split].append(_index_row(facts, outcomes))
    written, unchanged = [], []
    for split, rows in rows_of_split.items():
        path = folder / shard_name(split, source.bucket)
        if not rows:
            index_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            continue
        key = digest_of(source.version, source.settings_digest, rows)
        index = read_shard_index(path)
        if index is not None and index["key"] == key and not is_forced:
            unchanged.append(path.name)
            continue
        _write_split(path, key, rows, source, settings)
        written.append(path.name)
    return BucketShards(written=written, unchanged=unchanged, excluded=excluded)


def read_shard_index(shard: Path) -> dict[str, Any] | None:
    """The index beside a shard; None if there is none, or if the shard has another size than it says."""
    try:
        index: dict[str, Any] = json.loads(index_path(shard).read_text(encoding="utf-8"))
        return index if shard.stat().st_size == index["bytes"] else None
    except (FileNotFoundError, ValueError):
        return None


def write_tar(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Writes samples (clip id, members by extension) in the given order.

    Raises:
        ValueError: ids do not rise, or two clips have one key.
    """
    from webdataset import TarWriter

    last_id, keys = "", set[str]()
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        TarWriter(file, mtime=0, user="", group="", encoder=False) as writer,
    ):
        for clip_id, members in samples:
            key = clip_key(clip_id)
            if clip_id <= last_id or key in keys:
                raise ValueError(
                    f"{path.name}: clip {clip_id!r} after {last_id!r}; ids must rise and keys differ"
                )
            writer.write({"__key__": key, **members})
            last_id = clip_id
            keys.add(key)


def _write_split(
    path: Path, key: str, rows: list[dict[str, Any]], source: BucketInput, settings: ShardSettings
) -> None:
    index_path(path).unlink(missing_ok=True)  # a kill between tar and index must not leave a wrong index
    write_tar(path, _samples([row["clip_id"] for row in rows], source, settings))
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    index = {
        "key": key,
        "bytes": path.stat().st_size,
        "sha256": sha256,
        "num_clips": len(rows),
        "num_frames": sum(row["num_frames"] for row in rows),
        "clips": rows,
    }
    write_text(index_path(path), json.dumps(index, sort_keys=True, indent=1))


def _samples(
    clip_ids: list[str], source: BucketInput, settings: ShardSettings
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Encoded samples of the clips, with one row of each stage in memory at a time."""
    streams = {
        stage: read_rows(source.stage_files[stage], ["clip_id", *columns])
        for stage, columns in STAGE_COLUMNS.items()
    }
    for clip_id in clip_ids:
        rows = {
            stage: next(row for row in stream if row["clip_id"] == clip_id)
            for stage, stream in streams.items()
        }
        yield (
            clip_id,
            encode_sample(
                source.clips[clip_id],
                timed_clip(rows["face_crops"], with_track(rows["mels"], rows["av_offsets"]["audio_stream"])),
                rows["av_offsets"],
                first_frame=rows["face_crops"]["first_frame"],
                settings_digest=source.settings_digest,
                flac_compression=settings.flac_compression,
            ),
        )


def _outcomes(stage: str, path: Path) -> dict[str, dict[str, Any]]:
    return {row["clip_id"]: row for row in read_rows(path, [*OUTCOME_COLUMNS, *LENGTH_COLUMNS[stage]])}


def _num_frames(clip_id: str, outcomes: Outcomes) -> int:
    """Video frames of a clip after its A/V offset is corrected."""
    crops, offset = outcomes["face_crops"][clip_id], outcomes["av_offsets"][clip_id]
    return int(crops["num_frames"]) - lost_frames(float(offset["applied_frames"]))


def _exclusion(clip_id: str, outcomes: Outcomes, settings: ShardSettings) -> dict[str, str] | None:
    """The first reason why a clip is in no shard; None if it is in one."""

    def excluded_by(stage: str, reason: str, detail: str) -> dict[str, str]:
        return {"clip_id": clip_id, "stage": stage, "reason": reason, "detail": detail}

    for stage in STAGE_COLUMNS:
        row = outcomes[stage].get(clip_id)
        if row is None:
            detail = f"{stage} has no row for this clip; an earlier stage rejected it"
            return excluded_by(stage, "not_computed", detail)
        if row["status"] != "ok":
            return excluded_by(stage, row["reason"], row["detail"])
    num_frames = _num_frames(clip_id, outcomes)
    if num_frames < settings.min_frames:
        detail = f"{num_frames} video frames; a sample needs {settings.min_frames}"
        return excluded_by("shards", "too_short", detail)
    return None


def _index_row(facts: ClipFacts, outcomes: Outcomes) -> dict[str, Any]:
    return {
        "clip_id": facts.clip_id,
        "key": clip_key(facts.clip_id),
        "num_frames": _num_frames(facts.clip_id, outcomes),
        "facts": digest_of(dataclasses.asdict(facts)),
        **{stage: outcomes[stage][facts.clip_id]["digest"] for stage in STAGE_COLUMNS},
    }
