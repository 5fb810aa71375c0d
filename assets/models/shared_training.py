"""Methods that differ in what they are given to draw alone share one training: the second takes the first's model."""

from __future__ import annotations

from dataclasses import replace

from assets.models.kept_model import keep_model
from assets.models.train_stage import model_folder, training_folder
from assets.stage.run import StageRun
from cals_models.methods.registry import METHODS


def take_shared_training(run: StageRun) -> None:
    """Places the model of the method whose training the run's shares where its own would be, if that one is up to date.

    Up to date by code, settings and inputs: what would be trained here is what was trained there. Where it is not, or was never
    trained, nothing is placed, and the run trains. A forced run trains too.
    """
    assert run.method is not None
    other = METHODS[run.method].shares_training_of
    if not other or run.forced.every or run.dataset.base is not None:
        return
    if replace(run, method=other).made_already() is not None:
        keep_model(model_folder(run, "generator", other), training_folder(run), method=run.method)
