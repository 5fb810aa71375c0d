"""The ``audio_to_lip`` asset."""

from __future__ import annotations

from assets.stage_asset import stage_asset
from assets.stage_run import Produced, StageRun
from assets.trained_model import TRAINING_CHECKS, model_folder, train_stage


@stage_asset("audio_to_lip", checks=TRAINING_CHECKS)
def audio_to_lip(run: StageRun) -> Produced:
    """Audio-to-Lip transformer f_theta: masked speech to contextual lip motion units, by L_a2l on the masked steps."""
    return train_stage(run, {"sync_encoder": model_folder(run, "sync_encoder")})
