"""What builds a training from (job, world, shard_sets): a function of the stage, of a generator that of its method."""

from collections.abc import Sequence

from cals_models.methods.configs import GENERATOR
from cals_models.methods.registry import trained_method
from cals_models.references import ByStage, load
from cals_models.shards.shard_set import ShardSet
from cals_models.training.distributed import World
from cals_models.training.job import TrainingJob
from cals_models.training.stage import TrainingStage

TRAININGS = ByStage(
    sync_encoder="cals_models.training.sync_encoder:build_stage",
    audio_to_lip="cals_models.training.audio_to_lip:build_stage",
    lse_evaluator="cals_models.training.lse_evaluator:build_stage",
)


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> TrainingStage:
    """Builds the networks, samplers and optimisers of a job.

    Raises:
        ValueError: a shard set or an input model cannot be used.
    """
    parts = trained_method(str(job.method)).parts if job.stage == GENERATOR else TRAININGS
    stage: TrainingStage = load(parts[job.stage])(job, world, shard_sets)
    return stage
