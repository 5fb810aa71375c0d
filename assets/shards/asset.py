"""The ``shards`` asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assets.clips.clip_table import accepted_clips
from assets.project.graph import upstream_of
from assets.shards.contents import write_contents
from assets.shards.manifest import Manifest, write_manifest
from assets.shards.sample import ClipFacts
from assets.shards.settings import HELD_OUT_CHECK, TRAIN_CHECK
from assets.shards.write_shards import STAGE_COLUMNS, BucketInput, BucketShards, write_bucket
from assets.stage.run import CheckOutcome, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.digests import digest_of
from cals_models.shards.shard_format import SPLITS

OWN_AND_UPSTREAM = sorted(upstream_of("shards"))
CHECKS = {TRAIN_CHECK: True, HELD_OUT_CHECK: True}


@stage_asset("shards", checks=CHECKS)
def shards(run: StageRun) -> StageResult:
    """WebDataset tars by split and bucket, byte-reproducible, with a manifest of digests."""
    folder = run.home.shards(run.dataset.name)
    buckets: list[BucketShards] = []
    with progress_bar(f"shards of {run.dataset.name}", run.dataset.num_buckets, "bucket") as advance:
        for bucket in range(run.dataset.num_buckets):
            source = _bucket_input(run, bucket)
            is_forced = any(run.forced.covers(clip_id, bucket) for clip_id in source.clips)
            buckets.append(write_bucket(folder, source, run.settings, is_forced=is_forced))
            advance(1)
    manifest = write_manifest(
        folder,
        run.dataset.name,
        range(run.dataset.num_buckets),
        run.project.stage_settings(run.dataset.name, "face_crops").crop_px,
    )
    _write_tables(run, manifest, buckets)
    write_contents(run.home, run.dataset.name, manifest.digest)
    num_clips = {split: manifest.num_clips(split) for split in SPLITS}
    num_excluded = sum(len(bucket.excluded) for bucket in buckets)
    # What adapts a base's models is not evaluated on its own: it needs no test clips.
    held_out = ["val"] if run.dataset.base else ["val", "test"]
    return StageResult(
        data_version=manifest.digest,
        num_clips=sum(num_clips.values()),
        counts={
            **{f"{split}_clips": count for split, count in num_clips.items()},
            "excluded": num_excluded,
            "shards_written": sum(len(bucket.written) for bucket in buckets),
            "shards_unchanged": sum(len(bucket.unchanged) for bucket in buckets),
        },
        facts={"manifest": str(folder / "manifest.json")},
        checks=[
            _check_splits(TRAIN_CHECK, num_clips, ["train"], num_excluded),
            _check_splits(HELD_OUT_CHECK, num_clips, held_out, num_excluded),
        ],
    )


def _bucket_input(run: StageRun, bucket: int) -> BucketInput:
    settings = {stage: run.project.settings_values(run.dataset.name, stage) for stage in OWN_AND_UPSTREAM}
    stages = {
        stage: run.home.stage(stage, run.dataset.name) / f"{bucket:05d}.parquet" for stage in STAGE_COLUMNS
    }
    clips = accepted_clips(run.home, run.dataset.name, bucket)
    return BucketInput(
        bucket=bucket,
        clips={clip["clip_id"]: _facts(clip) for clip in clips},
        stage_files=stages,
        version=run.version,
        settings_digest=digest_of(settings),
    )


def _facts(clip: dict[str, Any]) -> ClipFacts:
    words = tuple((row["start_s"], row["end_s"], row["word"]) for row in clip["words"] or ())
    return ClipFacts(
        clip_id=clip["clip_id"],
        dataset=clip["dataset"],
        split=clip["split"],
        speaker=clip["speaker"],
        transcript=clip["transcript"],
        source_path=clip["relative_path"],
        source_sha256=clip["sha256"],
        labels={"words": words} if words else {},
    )


def _write_tables(run: StageRun, manifest: Manifest, buckets: list[BucketShards]) -> None:
    name = run.dataset.name
    write_part(run.home, "shards", manifest.shards, dataset=name)
    write_part(run.home, "shard_clips", manifest.clips, dataset=name)
    own = [row for bucket in buckets for row in bucket.excluded if row["stage"] == "shards"]
    outcomes = [{"dataset": name, "status": "rejected", **row} for row in own]
    outcomes += [
        {
            "dataset": name,
            "stage": "shards",
            "status": "ok",
            "clip_id": row["clip_id"],
            "num_frames": row["num_frames"],
        }
        for row in manifest.clips
    ]
    write_part(run.home, "clip_outcomes", outcomes, dataset=name, method="shards")


def _check_splits(
    name: str, num_clips: Mapping[str, int], needed: Sequence[str], num_excluded: int
) -> CheckOutcome:
    empty = [split for split in needed if num_clips[split] == 0]
    description = "clips: " + ", ".join(f"{split} {count}" for split, count in num_clips.items())
    if empty:
        description += f"; empty: {', '.join(empty)}; add clips to it, or change the splits"
        if num_excluded:
            description += (
                f", or correct what was rejected ({num_excluded} clips; the table rejections says why)"
            )
    return CheckOutcome(name=name, passed=not empty, description=description)
