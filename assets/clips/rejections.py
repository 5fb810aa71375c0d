"""Rejected clips as rows of the warehouse, and the checks on their share and on that of unexpected errors.

Stages beyond the shards have tables of their own, in which a clip has several rows: ``detail`` begins with the code of what
went wrong, or ``reason`` is that code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from assets.clips.settings import FEW_UNEXPECTED
from assets.stage.run import CheckOutcome, StageRun
from assets.store.bucket_files import StageSummary
from assets.store.table_parts import write_part
from assets.workers.rejected import UNEXPECTED, PipelineFault

FEW_REJECTIONS = "few_clips_are_rejected"
CLIP_CHECKS = {FEW_REJECTIONS: False, FEW_UNEXPECTED: True}
"""Checks of each stage that works clip by clip, up to the shards."""
EVALUATION_CHECKS = {FEW_UNEXPECTED: True}
"""The same for those beyond them."""
MOST_REJECTED_SHARE = 0.2
CODE = f"{UNEXPECTED}: "


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


def evaluation_check(run: StageRun, rows: Sequence[Mapping[str, Any]]) -> CheckOutcome:
    """``check_unexpected`` on the rows of a stage beyond the shards, several a clip."""
    share = run.project.stage_settings(run.dataset.name, "clips").max_unexpected_share
    table = "render_clips" if run.stage == "renders" else run.stage
    return check_unexpected(_outcomes(rows), share, table)


def num_unexpected(rows: Sequence[Mapping[str, Any]]) -> int:
    """Clips of which a row tells of an unexpected error."""
    return sum(outcome["reason"] == UNEXPECTED for outcome in _outcomes(rows))


def require_results(what: str, rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """Tells a fault of no clip from a fault of one: a model that fails at each clip is no row.

    Args:
        what: the work, for the message.
        rows: of a stage beyond the shards.
        column: null where a row has no result.

    Raises:
        PipelineFault: no row has a result, and one or more tell of an unexpected error.
    """
    failed = [row for row in rows if _error(row)]
    if failed and all(row[column] is None for row in rows):
        clips = len({row["clip_id"] for row in rows})
        raise PipelineFault(
            f"{what}: none of {clips} clips has a result, so the fault is that of no clip; first {failed[0]['clip_id']}: "
            f"{_error(failed[0])}"
        )


def _outcomes(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Clip, reason and detail: the unexpected error of which a row of the clip tells first, else null."""
    errors: dict[str, str | None] = {}
    for row in rows:
        errors[row["clip_id"]] = errors.get(row["clip_id"]) or _error(row)
    return [
        {"clip_id": clip_id, "reason": UNEXPECTED if error else None, "detail": error}
        for clip_id, error in errors.items()
    ]


def _error(row: Mapping[str, Any]) -> str | None:
    """Text of the unexpected error that a row tells of."""
    detail = row["detail"] or ""
    if row.get("reason") == UNEXPECTED:
        return str(detail)
    return str(detail[len(CODE) :]) if detail.startswith(CODE) else None


def check_unexpected(
    outcomes: Sequence[Mapping[str, Any]], most_share: float, table: str = "rejections"
) -> CheckOutcome:
    """Fails if more than ``most_share`` of the clips ended by an unexpected error; blocks what is below if it is several.

    One file must never end a run.
    """
    failed = [row for row in outcomes if row["reason"] == UNEXPECTED]
    description = f"{len(failed)} of {len(outcomes)} clips ended by an unexpected error"
    if failed:
        description += (
            f", at most {most_share:g} of them may (clips.max_unexpected_share); first {failed[0]['clip_id']}: "
            f"{failed[0]['detail']}; the table {table} lists them: the defect is the pipeline's, report it"
        )
    return CheckOutcome(
        name=FEW_UNEXPECTED,
        passed=len(failed) <= most_share * len(outcomes),
        blocking=len(failed) != 1,
        description=description,
    )
