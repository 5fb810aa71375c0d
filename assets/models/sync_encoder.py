"""The ``sync_encoder`` asset."""

from __future__ import annotations

from assets.models.train_stage import train_or_keep
from assets.models.training_result import TRAINING_CHECKS
from assets.stage.run import StageResult, StageRun
from assets.stage.stage_asset import stage_asset


@stage_asset("sync_encoder", checks=TRAINING_CHECKS)
def sync_encoder(run: StageRun) -> StageResult:
    """Contrastive sync encoder: F_v and F_a put 0.2 s of lip motion and of speech into one 512-d space."""
    return train_or_keep(run, {})
