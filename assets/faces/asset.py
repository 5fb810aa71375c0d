"""The ``face_tracks`` and ``face_crops`` assets: one pass over the video where both are requested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assets.clips.clip_table import read_clip_table
from assets.clips.rejected_sheet import rejected_previews
from assets.clips.rejections import CLIP_CHECKS, clip_checks, write_outcomes
from assets.clips.settings import probe_limits
from assets.faces.backends.opening import shared_networks
from assets.faces.clip_faces import CROPPING, CROPS, TRACKS, compute_faces
from assets.faces.plan import FacesPlan
from assets.faces.probe_table import SPEAKER_PROBES
from assets.faces.stored_track import TRACKS_SCHEMA
from assets.faces.track_table import FRAMES_KEPT, check_kept, track_rows
from assets.stage.run import StageResult, StageRun
from assets.stage.stage_asset import joint_stage_asset
from assets.store.bucket_files import StageOutput, StageSummary
from assets.store.bucket_pass import fill_buckets
from assets.store.table_parts import write_part
from assets.workers.clip_pool import ClipPool
from assets.workers.progress import progress_bar
from cals_models.references import ByStage, load

PREVIEWS = ByStage(face_crops="assets.faces.crop_strips:crops_preview")
"""Function of a stage's own preview."""
CHECKS = {TRACKS: {**CLIP_CHECKS, FRAMES_KEPT: False}, CROPS: CLIP_CHECKS}


@joint_stage_asset((TRACKS, CROPS), checks=CHECKS)
def faces(runs: dict[str, StageRun]) -> dict[str, StageResult]:
    """Box and 68 landmarks of the speaking face at 25 fps, and aligned square crops of it."""
    run = next(iter(runs.values()))
    plan = _plan(runs)
    outputs = {TRACKS: plan.tracks, CROPS: plan.crops}
    num_clips = sum(row["status"] == "ok" for row in read_clip_table(run.home, run.dataset.name, ["status"]))
    num_clients = run.pool.num_workers if plan.makes_tracks else 0
    with (
        shared_networks(plan.track_settings, num_clients) as networks_socket,
        ClipPool(run.pool) as pool,
        progress_bar(f"faces of {run.dataset.name}", num_clips) as advance,
    ):
        buckets = replace(plan, networks_socket=networks_socket).buckets()
        summaries = fill_buckets([outputs[name] for name in runs], buckets, compute_faces, pool, advance)
    return {name: _result(runs[name], summaries) for name in runs}


def _plan(runs: Mapping[str, StageRun]) -> FacesPlan:
    run = next(iter(runs.values()))
    kind = run.project.stage_settings(run.dataset.name, "av_offsets").probe
    return FacesPlan(
        home=run.home,
        dataset=run.dataset,
        limits=probe_limits(run.project.stage_settings(run.dataset.name, "clips")),
        track_settings=run.project.stage_settings(run.dataset.name, TRACKS),
        crop_settings=run.project.stage_settings(run.dataset.name, CROPS),
        tracks=_output(runs.get(TRACKS, run), TRACKS),
        crops=_output(runs.get(CROPS, run), CROPS),
        makes_tracks=TRACKS in runs,
        speaker_probe=load(SPEAKER_PROBES[kind])(run.project, run.dataset.name) if TRACKS in runs else None,
    )


def _output(run: StageRun, name: str) -> StageOutput:
    own = replace(run, stage=name)
    schema = TRACKS_SCHEMA if name == TRACKS else load(CROPPING[name]).CROPS_SCHEMA
    return StageOutput(name=name, folder=own.folder, schema=schema, version=own.version, forced=own.forced)


def _result(run: StageRun, summaries: Mapping[str, StageSummary]) -> StageResult:
    summary = summaries[run.stage]
    write_outcomes(run, summary)
    checks = clip_checks(run, summary.outcomes)
    if run.stage == TRACKS:
        rows = track_rows(run.folder, run.dataset.name)
        write_part(run.home, "face_tracks", rows, dataset=run.dataset.name)
        checks.append(check_kept(rows))
    return StageResult(
        data_version=summary.digest,
        num_clips=summary.num_ok,
        counts=summary.counts,
        previews={
            **(load(PREVIEWS[run.stage])(run.folder) if run.stage in PREVIEWS else {}),
            **rejected_previews(run, summary),
        },
        checks=checks,
    )
