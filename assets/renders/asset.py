"""The ``renders`` asset."""

from __future__ import annotations

from assets.models.train_stage import model_folder
from assets.project.digests import digest_of
from assets.renders.frame_strip import frame_strip
from assets.renders.render import AUDIOS, render_clips
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_set import ShardSet


@stage_asset("renders")
def renders(run: StageRun) -> StageResult:
    """Test clips as a method makes them, with their own sound and with a wrong one; lossless (FFV1 + FLAC)."""
    assert run.method is not None
    shards = run.home.shards(run.dataset.name)
    out = run.home.renders(run.dataset.name, run.method)
    model = model_folder(run, "generator", run.method) if METHODS[run.method].is_trained else None
    num_renders = ShardSet(shards).num_clips(run.settings.split) * len(AUDIOS)
    with progress_bar(f"renders of {run.dataset.name} by {run.method}", num_renders, "video") as advance:
        rows = render_clips(
            shards, run.settings.split, run.method, model, out, run.settings, advance, version=run.code.digest
        )
    whose = {"dataset": run.dataset.name, "method": run.method}
    write_part(
        run.home,
        "render_clips",
        [{**whose, **row} for row in rows],
        dataset=run.dataset.name,
        method=run.method,
    )
    accepted = [row for row in rows if row["status"] == "ok"]
    return StageResult(
        data_version=digest_of([[r["clip_id"], r["audio"], r["status"], r["sha256"]] for r in rows]),
        num_clips=len({row["clip_id"] for row in rows}),
        counts={"videos": len(accepted), "rejected": len(rows) - len(accepted)},
        previews={"frames": Preview(frame_strip(out / accepted[0]["path"]))} if accepted else {},
    )
