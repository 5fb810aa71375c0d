"""The ``context_window`` asset."""

from __future__ import annotations

from assets.clips.rejections import EVALUATION_CHECKS, evaluation_check, num_unexpected
from assets.context_window.effective_context import curves_of, effective_context
from assets.context_window.trained import measure_part, open_trained
from assets.context_window.window_chart import window_chart
from assets.context_window.windows import window_rows
from assets.stage.run import Preview, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from cals_models.digests import digest_of


@stage_asset("context_window", checks=EVALUATION_CHECKS)
def context_window(run: StageRun) -> StageResult:
    """Figure 3: LMD of a frame against the window of audio around it, and each method's effective context."""
    trained = open_trained(run)
    rows, num_clips = measure_part(run, trained, window_rows, "context windows", "lmd")
    curves = {method: curves_of(rows, method) for method in trained.generators}
    contexts = {method: effective_context(*curve) for method, curve in curves.items()}
    counts: dict[str, float | int] = {
        "without_value": sum(row["lmd"] is None for row in rows),
        "unexpected": num_unexpected(rows),
    }
    for method, context in contexts.items():
        for what in ("reach_frames", "low_frames", "high_frames", "gain_px"):
            value = getattr(context, what)
            counts |= {f"{method}_{what}": value} if value is not None else {}
    return StageResult(
        data_version=digest_of(rows),
        num_clips=num_clips,
        counts=counts,
        facts={f"effective context of {method}": context.detail for method, context in contexts.items()},
        previews={"figure_3": Preview(window_chart(curves, contexts))} if trained.generators else {},
        checks=[evaluation_check(run, rows)],
    )
