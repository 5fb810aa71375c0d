"""The ``masked_audio`` asset."""

from __future__ import annotations

from assets.context_window.trained import open_trained, threads_for
from assets.masked_audio.masks import draw_strip, measure_masks
from assets.masked_audio.pictures import mask_picture, strip_picture
from assets.project.digests import digest_of
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.shards.shard_set import ShardSet


@stage_asset("masked_audio")
def masked_audio(run: StageRun) -> StageResult:
    """Figure 2: frames whose sound is masked, beside those with all sound, by each trained method."""
    name, settings = run.dataset.name, run.settings
    shards = ShardSet(run.home.shards(name))
    generators, landmarks = open_trained(run)
    num_clips = min(settings.max_clips, shards.num_clips(settings.split))
    with progress_bar(f"masked sound of {name}", num_clips * len(generators)) as advance:
        rows = measure_masks(
            shards.folder,
            generators,
            landmarks,
            settings,
            dataset=name,
            progress=advance,
            num_threads=threads_for(generators),
        )
    write_part(run.home, "masked_audio", rows, dataset=name)
    pictures = {"figure_2": Preview(mask_picture(rows, list(generators)))} if generators else {}
    strips = (
        draw_strip(clip, generators, settings) for clip in shards.clips(settings.split, seed=settings.seed)
    )
    strip = next((some for some in strips if some is not None), None) if generators else None
    if strip is not None:
        pictures["masked_frames"] = Preview(strip_picture(strip))
    return StageResult(
        data_version=digest_of(rows),
        num_clips=num_clips,
        counts={"without_value": sum(row["lmd_masked"] is None for row in rows)},
        previews=pictures,
    )
