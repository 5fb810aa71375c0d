"""The ``mels`` asset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from assets.clips.clip_table import accepted_clips, clip_digest, read_clip_table
from assets.clips.rejected_sheet import rejected_previews
from assets.clips.rejections import CLIP_CHECKS, clip_checks, write_outcomes
from assets.clips.settings import probe_limits
from assets.mels.audio_table import audio_rows
from assets.mels.mel_clip import MELS_SCHEMA, MelPayload, compute_mels
from assets.mels.preview import mel_preview
from assets.raw_videos.walk import local_path
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.bucket_files import StageOutput, read_ok_rows
from assets.store.bucket_pass import WorkItem, fill_buckets
from assets.store.table_parts import write_part
from assets.workers.clip_pool import ClipPool
from assets.workers.progress import progress_bar


@stage_asset("mels", checks=CLIP_CHECKS)
def mels(run: StageRun) -> StageResult:
    """80 x 4T log-mel at 100 fps and 16 kHz audio of each clip, aligned with its video frames."""
    output = StageOutput(
        name="mels", folder=run.folder, schema=MELS_SCHEMA, version=run.version, forced=run.forced
    )
    num_clips = sum(row["status"] == "ok" for row in read_clip_table(run.home, run.dataset.name, ["status"]))
    with ClipPool(run.pool) as pool, progress_bar(f"mels of {run.dataset.name}", num_clips) as advance:
        summary = fill_buckets([output], _buckets(run), compute_mels, pool, advance)["mels"]
    write_outcomes(run, summary)
    write_part(run.home, "clip_audio", audio_rows(run.folder, run.dataset.name), dataset=run.dataset.name)
    first = next(read_ok_rows(run.folder, ["clip_id", "mel"]), None)
    return StageResult(
        data_version=summary.digest,
        num_clips=summary.num_ok,
        counts=summary.counts,
        previews={
            **({"log_mel": Preview(mel_preview(first["mel"], run.settings))} if first else {}),
            **rejected_previews(run, summary),
        },
        facts={"pictured_clip": first["clip_id"]} if first else {},
        checks=clip_checks(run, summary.outcomes),
    )


def _buckets(run: StageRun) -> Mapping[int, Callable[[], list[WorkItem]]]:
    return {bucket: partial(_items, run, bucket) for bucket in range(run.dataset.num_buckets)}


def _items(run: StageRun, bucket: int) -> list[WorkItem]:
    limits = probe_limits(run.project.stage_settings(run.dataset.name, "clips"))
    settings = run.settings
    return [
        WorkItem(
            clip_id=clip["clip_id"],
            input_digests={"mels": clip_digest(clip)},
            payload=MelPayload(
                path=str(local_path(run.dataset.root, clip["relative_path"])),
                start_s=clip["common_start_s"],
                num_frames=clip["num_frames_25"],
                limits=limits,
                settings=settings,
            ),
        )
        for clip in accepted_clips(run.home, run.dataset.name, bucket)
    ]
