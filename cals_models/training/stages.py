"""Stage -> the module that trains it, which has `build_stage(job, world, shard_sets)`."""

import importlib
from collections.abc import Sequence

from cals_models.shards.shard_set import ShardSet
from cals_models.training.distributed import World
from cals_models.training.job import TrainingJob
from cals_models.training.stage import TrainingStage

STAGE_MODULES: dict[str, str] = {
    "sync_encoder": "cals_models.training.sync_encoder",
    "audio_to_lip": "cals_models.training.audio_to_lip",
    "generator": "cals_models.training.generator",
    "lse_evaluator": "cals_models.training.lse_evaluator",
}


def code_roots(stage: str) -> tuple[str, ...]:
    """Modules in which a training's code starts; with their imports they identify the code of its result."""
    return STAGE_MODULES[stage], "cals_models.training.result"


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> TrainingStage:
    """Builds the networks, samplers and optimisers of a job.

    Raises:
        ValueError: a shard set or an input model cannot be used.
    """
    stage: TrainingStage = importlib.import_module(STAGE_MODULES[job.stage]).build_stage(
        job, world, shard_sets
    )
    return stage
