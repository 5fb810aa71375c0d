"""The ``lse_evaluator`` asset."""

from __future__ import annotations

from assets.stage_asset import stage_asset
from assets.stage_run import Produced, StageRun
from assets.trained_model import TRAINING_CHECKS, train_stage


@stage_asset("lse_evaluator", checks=TRAINING_CHECKS)
def lse_evaluator(run: StageRun) -> Produced:
    """Network S that measures LSE-D and LSE-C: trained from another seed than the sync encoder, never used in a loss."""
    return train_stage(run, {})
