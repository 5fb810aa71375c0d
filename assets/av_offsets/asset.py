"""The ``av_offsets`` asset."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from assets.av_offsets.offsets import OFFSETS_SCHEMA, STATUSES, OffsetPayload, compute_offset
from assets.av_offsets.probe_source import ProbeSource, probe_source
from assets.clips.rejections import CLIP_CHECKS, clip_checks, write_outcomes
from assets.stage.run import StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.bucket_files import StageOutput, read_index, read_ok_rows
from assets.store.bucket_pass import WorkItem, fill_buckets
from assets.store.table_parts import write_part
from assets.workers.clip_pool import ClipPool
from assets.workers.progress import progress_bar
from cals_models.digests import digest_of

MEASURED_COLUMNS = (
    "measured_frames",
    "confidence",
    "applied_frames",
    "remeasured_frames",
    "remeasured_confidence",
    "probe",
    "audio_stream",
    "audio_stream_why",
)


@stage_asset("av_offsets", checks=CLIP_CHECKS)
def av_offsets(run: StageRun) -> StageResult:
    """Audio-video offset of each clip: measured by a probe, corrected where it is sure, measured again."""
    source = probe_source(run.project, run.dataset.name)
    output = StageOutput(
        name="av_offsets", folder=run.folder, schema=OFFSETS_SCHEMA, version=run.version, forced=run.forced
    )
    with (
        ClipPool(run.pool) as pool,
        progress_bar(f"offsets of {run.dataset.name}", _num_clips(run)) as advance,
    ):
        summary = fill_buckets([output], _buckets(run, source), compute_offset, pool, advance)["av_offsets"]
    write_outcomes(run, summary)
    rows = [
        {
            "dataset": run.dataset.name,
            "clip_id": row["clip_id"],
            "status": row["offset_status"],
            **{name: row[name] for name in MEASURED_COLUMNS},
        }
        for row in read_ok_rows(run.folder, ["clip_id", "offset_status", *MEASURED_COLUMNS])
    ]
    write_part(run.home, "av_offsets", rows, dataset=run.dataset.name)
    counts = Counter(str(row["status"]) for row in rows)
    return StageResult(
        data_version=summary.digest,
        num_clips=summary.num_ok,
        counts={"computed": summary.num_computed, **{status: counts[status] for status in STATUSES}},
        facts={
            "probe": f"{source.kind} {source.digest[:16]}"
            if source
            else "none: nothing is measured or shifted"
        },
        checks=clip_checks(run, summary.outcomes),
    )


def _num_clips(run: StageRun) -> int:
    crops = run.home.stage("face_crops", run.dataset.name)
    return sum(len(read_index(path)) for path in crops.glob("[0-9]*.parquet"))


def _buckets(run: StageRun, source: ProbeSource | None) -> Mapping[int, Callable[[], list[WorkItem]]]:
    return {bucket: partial(_items, run, source, bucket) for bucket in range(run.dataset.num_buckets)}


def _items(run: StageRun, source: ProbeSource | None, bucket: int) -> list[WorkItem]:
    """Clips that have both crops and a mel."""
    files = {
        stage: run.home.stage(stage, run.dataset.name) / f"{bucket:05d}.parquet"
        for stage in ("face_crops", "mels")
    }
    crops, mels = read_index(files["face_crops"]), read_index(files["mels"])
    both = [i for i in sorted(crops.keys() & mels.keys()) if crops[i]["status"] == mels[i]["status"] == "ok"]
    probe = source.digest if source else "none"
    return [
        WorkItem(
            clip_id=clip_id,
            input_digests={"av_offsets": digest_of(crops[clip_id]["digest"], mels[clip_id]["digest"], probe)},
            payload=OffsetPayload(
                clip_id=clip_id,
                crops_file=files["face_crops"],
                mels_file=files["mels"],
                probe=source,
                settings=run.settings,
            ),
        )
        for clip_id in both
    ]
