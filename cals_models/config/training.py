"""How a network trains, whatever it is: the settings that all trained stages share.

The defaults are the `paper` profile: the poster of CALS (arXiv 2305.19556); where it is silent, SyncTalkFace
(arXiv 2211.00924), then Wav2Lip (arXiv 2008.10010), and AV-HuBERT (arXiv 2201.02184) for the masking.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from cals_models.declarations.bounds import (
    Count,
    CountOrZero,
    NotNegative,
    Positive,
    Share,
    ShareBelowOne,
    WithoutEffect,
)
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """How a stage trains, whatever it trains.

    Args:
        steps: updates in all.
        batch_samples: samples an update and process; each stage says what a sample is.
        samples_per_clip: samples drawn at each visit of a clip; divides `batch_samples`.
        accumulate_batches: batches whose gradients are averaged into one update.
        learning_rate: the peak, reached after warm-up.
        warmup_steps: updates over which the learning rate rises linearly from 0.
        schedule: `cosine` falls to `final_learning_rate_share`, `step` multiplies by `step_factor` every
            `step_every_steps` updates, `constant` stays.
        final_learning_rate_share: share of the peak that is left at the end of `cosine`.
        step_every_steps: updates between two drops of `step`.
        step_factor: factor of a drop.
        weight_decay: of AdamW, on weights with two dimensions or more.
        adam_beta_1: decay of the first moment.
        adam_beta_2: decay of the second moment.
        clip_gradient_norm: the gradients' norm is scaled down to this; 0 leaves it.
        ema_decay: of the averaged weights that are validated and exported; 0 takes the weights themselves.
        precision: `auto` computes in bf16 wherever the processor has it, `fp32` never.
        compile: compile the networks where there is a GPU (torch.compile).
        validate_every_steps: updates between two validations; the last update is always validated.
        validation_clips: clips of the split `val` in each validation, at most.
        early_stopping_validations: after so many validations without a better value the learning rate falls along the
            rest of its schedule at once, the training ends, and the weights of the best validation are taken; 0 takes all
            `steps` and the last weights.
        early_stopping_cooldown_share: updates of that fall, as a share of the updates before it.
        checkpoint_every_steps: updates between two checkpoints.
        log_every_steps: updates between two lines of progress.
        clip_cache_bytes: a split that is no larger than this is kept in memory, a larger one is streamed.
        frame_cache_bytes: limit of the decoded frames that each process that draws samples keeps in memory; 0 decodes
            at every visit. Audio-to-Lip keeps F_v's lip motion units instead.
        own_share: least share of the visits that the dataset's own clips have where `train_on` names other datasets; 0 visits
            every clip alike, once for every 4 s begun.
        seed: decides every random draw, together with the number of the step.
    """

    steps: Count
    batch_samples: Count
    samples_per_clip: Count = 1
    accumulate_batches: Count = 1
    learning_rate: Positive = 1e-4
    warmup_steps: CountOrZero = 500
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    final_learning_rate_share: Share = 0.05
    step_every_steps: Count = 50_000
    step_factor: Share = 0.5
    weight_decay: NotNegative = 0.0
    adam_beta_1: ShareBelowOne = 0.9
    adam_beta_2: ShareBelowOne = 0.999
    clip_gradient_norm: NotNegative = 1.0
    ema_decay: ShareBelowOne = 0.999
    precision: Literal["auto", "fp32"] = "auto"
    compile: bool = True
    validate_every_steps: Count = 2_000
    validation_clips: Count = 64
    early_stopping_validations: CountOrZero = 0
    early_stopping_cooldown_share: Share = 0.1
    checkpoint_every_steps: Annotated[
        Count, WithoutEffect(why="a resumed training gives the same weights")
    ] = 1_000
    log_every_steps: Annotated[Count, WithoutEffect(why="what is logged is not trained on")] = 20
    clip_cache_bytes: CountOrZero = 2 * 1024**3
    frame_cache_bytes: Annotated[
        CountOrZero, WithoutEffect(why="a decoded frame is the same, kept or not")
    ] = 0
    own_share: ShareBelowOne = 0.0
    seed: CountOrZero = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_samples % self.samples_per_clip:
            raise ValueError(
                f"batch_samples: {self.batch_samples} samples cannot be drawn {self.samples_per_clip} a clip;"
                " make samples_per_clip a divisor of it"
            )
