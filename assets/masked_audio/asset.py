"""The ``masked_audio`` asset."""

from __future__ import annotations

from assets.clips.rejections import EVALUATION_CHECKS, evaluation_check, num_unexpected
from assets.context_window.measured_clips import TrainedMethods
from assets.context_window.trained import measure_part, open_trained
from assets.masked_audio.masks import Strip, generate_strip, mask_rows
from assets.masked_audio.previews import mask_chart, strip_image
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from cals_models.digests import digest_of
from cals_models.shards.shard_set import ShardSet


@stage_asset("masked_audio", checks=EVALUATION_CHECKS)
def masked_audio(run: StageRun) -> StageResult:
    """Figure 2: frames whose audio is masked, beside those with all audio, by each trained method."""
    trained = open_trained(run)
    rows, num_clips = measure_part(run, trained, mask_rows, "masked sound", "lmd_masked")
    previews = {}
    if trained.generators:
        previews["figure_2"] = Preview(mask_chart(rows, list(trained.generators)))
        strip = _first_strip(run, trained)
        if strip is not None:
            previews["masked_frames"] = Preview(strip_image(strip))
    return StageResult(
        data_version=digest_of(rows),
        num_clips=num_clips,
        counts={
            "without_value": sum(row["lmd_masked"] is None for row in rows),
            "unexpected": num_unexpected(rows),
        },
        previews=previews,
        checks=[evaluation_check(run, rows)],
    )


def _first_strip(run: StageRun, trained: TrainedMethods) -> Strip | None:
    """Frames around a mask of the first clip that a mask fits."""
    clips = ShardSet(run.home.shards(run.dataset.name)).clips(run.settings.split, seed=run.settings.seed)
    strips = (generate_strip(clip, trained.generators, run.settings) for clip in clips)
    return next((strip for strip in strips if strip is not None), None)
