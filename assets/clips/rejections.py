"""Rejected clips as rows of the warehouse, and the check on their share."""

from __future__ import annotations

from assets.stage.run import CheckOutcome, StageRun
from assets.store.bucket_files import StageSummary
from assets.store.table_parts import write_part

FEW_REJECTIONS = "few_clips_are_rejected"
MOST_REJECTED_SHARE = 0.2


def write_outcomes(run: StageRun, summary: StageSummary) -> None:
    """Writes the stage's part of ``clip_outcomes``: one row a clip, accepted or rejected."""
    rows = [{"dataset": run.dataset.name, "stage": run.stage, **outcome} for outcome in summary.outcomes]
    write_part(run.home, "clip_outcomes", rows, dataset=run.dataset.name, method=run.stage)


def check_rejections(summary: StageSummary) -> CheckOutcome:
    """Warns if this stage rejected more than ``MOST_REJECTED_SHARE`` of its clips."""
    total = len(summary.outcomes)
    share = summary.num_rejected / total if total else 1.0
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(summary.reasons.items()))
    return CheckOutcome(
        name=FEW_REJECTIONS,
        passed=share <= MOST_REJECTED_SHARE,
        blocking=False,
        description=f"{summary.num_rejected} of {total} clips rejected" + (f": {reasons}" if reasons else ""),
    )
