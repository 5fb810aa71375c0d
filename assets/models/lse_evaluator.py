"""The ``lse_evaluator`` asset."""

from __future__ import annotations

from assets.models.train_stage import train_stage
from assets.models.training_result import TRAINING_CHECKS
from assets.stage.run import StageResult, StageRun
from assets.stage.stage_asset import stage_asset


@stage_asset("lse_evaluator", checks=TRAINING_CHECKS)
def lse_evaluator(run: StageRun) -> StageResult:
    """Network S that measures LSE-D and LSE-C: trained from another seed than the sync encoder, never used in a loss."""
    return train_stage(run, {})
