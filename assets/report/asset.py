"""The ``metric_report`` asset."""

from __future__ import annotations

from assets.mos.part import write_ratings_part
from assets.report.overview import render_overview
from assets.report.page import render_report
from assets.stage.run import CheckOutcome, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.warehouse import publish

CHECKS = {"chosen_clips_are_shown": False}


@stage_asset("metric_report", checks=CHECKS)
def metric_report(run: StageRun) -> StageResult:
    """One self-contained HTML page: tables beside the published scores, curves, videos side by side, lineage."""
    write_ratings_part(run.home, run.dataset.name)
    publish(run.home)
    page = render_report(run.home, run.dataset.name, run.settings, run.dataset.methods)
    render_overview(run.home, run.project.methods)
    problems = "; ".join(page.problems)
    return StageResult(
        data_version=page.digest,
        counts={"bytes": page.num_bytes, "videos": page.num_videos},
        facts={"page": str(page.path)},
        checks=[
            CheckOutcome(
                name="chosen_clips_are_shown",
                passed=not problems,
                blocking=False,
                description=problems or "every clip that was chosen plays on the page",
            )
        ],
    )
