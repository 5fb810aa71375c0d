"""The ``context_window`` asset."""

from __future__ import annotations

from assets.context_window.effective_context import curves_of, effective_context
from assets.context_window.picture import window_picture
from assets.context_window.trained import open_trained, threads_for
from assets.context_window.windows import measure_windows
from assets.project.digests import digest_of
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.shards.shard_set import ShardSet


@stage_asset("context_window")
def context_window(run: StageRun) -> StageResult:
    """Figure 3: LMD of a frame against the sound heard around it, and each method's effective context."""
    name, settings = run.dataset.name, run.settings
    shards = run.home.shards(name)
    generators, landmarks = open_trained(run)
    num_clips = min(settings.max_clips, ShardSet(shards).num_clips(settings.split))
    with progress_bar(f"context windows of {name}", num_clips * len(generators)) as advance:
        rows = measure_windows(
            shards,
            generators,
            landmarks,
            settings,
            dataset=name,
            progress=advance,
            num_threads=threads_for(generators),
        )
    write_part(run.home, "context_window", rows, dataset=name)
    curves = {method: curves_of(rows, method) for method in generators}
    contexts = {method: effective_context(*curve) for method, curve in curves.items()}
    counts: dict[str, float | int] = {"without_value": sum(row["lmd"] is None for row in rows)}
    for method, context in contexts.items():
        for what in ("reach_frames", "low_frames", "high_frames", "gain_px"):
            value = getattr(context, what)
            counts |= {f"{method}_{what}": value} if value is not None else {}
    return StageResult(
        data_version=digest_of(rows),
        num_clips=num_clips,
        counts=counts,
        facts={f"effective context of {method}": context.detail for method, context in contexts.items()},
        previews={"figure_3": Preview(window_picture(curves, contexts))} if generators else {},
    )
