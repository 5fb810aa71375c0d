"""The ``audio_to_lip`` asset."""

from __future__ import annotations

from assets.models.train_stage import model_folder, train_or_keep
from assets.models.training_result import TRAINING_CHECKS
from assets.stage.run import StageResult, StageRun
from assets.stage.stage_asset import stage_asset


@stage_asset("audio_to_lip", checks=TRAINING_CHECKS)
def audio_to_lip(run: StageRun) -> StageResult:
    """Audio-to-Lip transformer f_theta: masked speech to contextual lip motion units, by L_a2l on the masked steps."""
    return train_or_keep(run, {"sync_encoder": model_folder(run, "sync_encoder")})
