"""Rejected clips as rows of the warehouse, and the checks on their share and on that of unexpected errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from assets.clips.settings import FEW_UNEXPECTED
from assets.stage.run import CheckOutcome, StageRun
from assets.store.bucket_files import StageSummary
from assets.store.table_parts import write_part
from assets.workers.rejected import UNEXPECTED

FEW_REJECTIONS = "few_clips_are_rejected"
CLIP_CHECKS = {FEW_REJECTIONS: False, FEW_UNEXPECTED: True}
"""Checks of each stage that works clip by clip."""
MOST_REJECTED_SHARE = 0.2


def write_outcomes(run: StageRun, summary: StageSummary) -> None:
    """Writes the stage's part of ``clip_outcomes``: one row a clip, accepted or rejected."""
    rows = [{"dataset": run.dataset.name, "stage": run.stage, **outcome} for outcome in summary.outcomes]
    write_part(run.home, "clip_outcomes", rows, dataset=run.dataset.name, method=run.stage)


def clip_checks(run: StageRun, outcomes: Sequence[Mapping[str, Any]]) -> list[CheckOutcome]:
    """The checks of ``CLIP_CHECKS`` on the rows of a stage: clip_id, status, reason and detail of each."""
    share = run.project.stage_settings(run.dataset.name, "clips").max_unexpected_share
    return [check_rejections(outcomes), check_unexpected(outcomes, share)]


def check_rejections(outcomes: Sequence[Mapping[str, Any]]) -> CheckOutcome:
    """Warns if this stage rejected more than ``MOST_REJECTED_SHARE`` of its clips, or if it had none."""
    total = len(outcomes)
    reasons = Counter(row["reason"] for row in outcomes if row["status"] != "ok")
    del reasons[UNEXPECTED]
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return CheckOutcome(
        name=FEW_REJECTIONS,
        passed=total > 0 and reasons.total() <= MOST_REJECTED_SHARE * total,
        blocking=False,
        description=f"{reasons.total()} of {total} clips rejected" + (f": {said}" if said else ""),
    )


def check_unexpected(outcomes: Sequence[Mapping[str, Any]], most_share: float) -> CheckOutcome:
    """Fails if more than ``most_share`` of the clips ended by an unexpected error; blocks what is below if it is several.

    One file must never end a run.
    """
    failed = [row for row in outcomes if row["reason"] == UNEXPECTED]
    description = f"{len(failed)} of {len(outcomes)} clips ended by an unexpected error"
    if failed:
        description += (
            f", at most {most_share:g} of them may (clips.max_unexpected_share); first {failed[0]['clip_id']}: "
            f"{failed[0]['detail']}; the table rejections lists them: the defect is the pipeline's, report it"
        )
    return CheckOutcome(
        name=FEW_UNEXPECTED,
        passed=len(failed) <= most_share * len(outcomes),
        blocking=len(failed) != 1,
        description=description,
    )
