"""The ``generator`` asset."""

from __future__ import annotations

from assets.models.shared_training import take_shared_training
from assets.models.train_stage import model_folder, train_stage
from assets.models.training_result import TRAINING_CHECKS
from assets.models.training_shards import training_shards
from assets.stage.run import CheckOutcome, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from cals_models.digests import digest_of
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_set import ShardSet
from cals_models.training.job import required_inputs
from cals_models.training.needs import require_needs


@stage_asset("generator", checks=TRAINING_CHECKS)
def generator(run: StageRun) -> StageResult:
    """Lip-to-Face generator of a method; controls (ground truth, copied reference) have no network."""
    assert run.method is not None
    if not METHODS[run.method].is_trained:
        return _control(run.method)
    shards = [ShardSet(folder, check_digests=False) for folder in training_shards(run)]
    require_needs(run.method, run.settings, shards)
    take_shared_training(run)
    inputs = {name: model_folder(run, name) for name in required_inputs("generator", run.method)}
    if run.dataset.base is not None:
        inputs["generator"] = model_folder(run, "generator", run.method, dataset=run.dataset.base)
    return train_stage(run, inputs)


def _control(method: str) -> StageResult:
    nothing = "a control has no network"
    return StageResult(
        data_version=digest_of("control", method),
        facts={"control": METHODS[method].description},
        checks=[
            CheckOutcome(name=name, passed=True, blocking=blocking, description=nothing)
            for name, blocking in TRAINING_CHECKS.items()
        ],
    )
