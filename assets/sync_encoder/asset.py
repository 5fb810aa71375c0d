"""The ``sync_encoder`` asset."""

from __future__ import annotations

from assets.stage_asset import stage_asset
from assets.stage_run import Produced, StageRun
from assets.trained_model import TRAINING_CHECKS, train_stage


@stage_asset("sync_encoder", checks=TRAINING_CHECKS)
def sync_encoder(run: StageRun) -> Produced:
    """Contrastive sync encoder: F_v and F_a put 0.2 s of lip motion and of speech into one 512-d space."""
    return train_stage(run, {})
