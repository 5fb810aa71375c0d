"""Training of a Lip-to-Face generator against a discriminator of lower halves, whatever its units come from.

A subclass says which units a batch has and which losses count. Shared are the two updates of a step, the single frames
that come before windows, the rule by which sync losses are enabled, validation and diagnosis.

Legend: B samples, S target frames, P side of a crop.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd import backward

from cals_models.config.lip_to_face import LipToFaceConfig
from cals_models.losses import discriminator_loss
from cals_models.networks.discriminator import LowerFaceDiscriminator
from cals_models.training.generator_diagnosis import plateau_diagnoses, train_diagnoses, val_diagnoses
from cals_models.training.generator_validation import GeneratorValidation
from cals_models.training.sampler import BatchSampler
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients


class LipToFaceStage(TrainingStage):
    """Trains a generator and a discriminator in turns. A subclass sets the attributes below in `__init__`.

    Attributes:
        discriminator: of lower halves; among `networks`, its optimiser is `discriminator`, the generator's `generator`.
        sync_is_on: whether the sync losses count.
    """

    best_metric: ClassVar[str] = "audio_gain"
    higher_is_better: ClassVar[bool] = True

    config: LipToFaceConfig
    discriminator: LowerFaceDiscriminator
    sync_is_on: bool
    _window_sampler: BatchSampler
    _single_sampler: BatchSampler
    _validation: GeneratorValidation

    def __init__(self) -> None:
        self._copied_metrics: dict[str, float] = {}
        self._nearness: dict[int, float] = {}

    @abstractmethod
    def generator_losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The generator's loss on a batch.

        Args:
            batch: see `draw`.

        Returns:
            All terms and their weighted sum `loss`, scalars; the real and the generated lower halves, each
            (N, 3, P / 2, P), RGB in [0, 1].
        """

    @abstractmethod
    def generate(self, batch: Batch, targets: Tensor) -> Tensor:
        """Generates the target frames of a batch from audio.

        Args:
            batch: see `draw`.
            targets: (B, S, 3, P, P), RGB in [0, 1]; only their pose prior, the upper half, is used.

        Returns:
            (B, S, 3, P, P), RGB in [0, 1], float32.
        """

    def is_single(self, step: int) -> bool:
        """Whether an update's samples are single frames."""
        return step < self.config.single_frame_share * self.config.steps

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number.

        Returns:
            Arrays of `SampleDrawer` with a first axis B.
        """
        if self.is_single(batch_number // self.config.accumulate_batches):
            return self._single_sampler.draw(batch_number)
        return self._window_sampler.draw(batch_number)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update of the generator, then one of the discriminator."""
        config = self.config
        self.discriminator.requires_grad_(False)
        terms: list[dict[str, Tensor]] = []
        pairs: list[tuple[Tensor, Tensor]] = []
        for batch in batches:
            with self.autocast():
                losses, real, fake = self.generator_losses(batch)
            backward(losses["loss"] / len(batches))
            terms.append({name: loss.detach() for name, loss in losses.items()})
            pairs.append((real, fake.detach()))
        norm = apply_gradients(
            self.optimizers["generator"],
            learning_rate=learning_rate(step, config),
            config=config,
            world=self.world,
        )
        self.discriminator.requires_grad_(True)
        for real, fake in pairs:
            with self.autocast():
                loss = discriminator_loss(self.discriminator(real), self.discriminator(fake))
            backward(loss / len(pairs))
            terms.append({"discriminator_loss": loss.detach()})
        apply_gradients(
            self.optimizers["discriminator"],
            learning_rate=learning_rate(step, config, peak=config.discriminator_learning_rate),
            config=config,
            world=self.world,
        )
        names = {name for term in terms for name in term}
        means = {name: torch.stack([term[name] for term in terms if name in term]).mean() for name in names}
        return {
            **means,
            "gradient_norm": norm,
            "sync_is_on": torch.tensor(float(self.sync_is_on), device=norm.device),
        }

    def validate(self, step: int) -> dict[str, float]:
        """PSNR, SSIM and the expert's loss on fixed held-out samples; the same with another clip's audio."""
        metrics = self._validation.metrics(self.generate)
        self._nearness[step] = metrics["reference_nearness"]
        return metrics

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Enables the sync losses once `reference_nearness > sync_switch_on_nearness`; they stay enabled."""
        if metrics["reference_nearness"] > self.config.sync_switch_on_nearness:
            self.sync_is_on = True
        self._copied_metrics = {
            name.removeprefix("copy_"): value for name, value in metrics.items() if name.startswith("copy_")
        }

    def chance(self) -> dict[str, float]:
        """The metrics of the reference frame, shown unchanged."""
        return self._copied_metrics

    def samples(self) -> dict[str, bytes]:
        """A row a sample: reference, pose prior, generated frame, true frame."""
        return self._validation.preview()

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`clips_without_window`, and what `generator_diagnosis` names."""
        return [
            *self._window_sampler.diagnose(),
            *train_diagnoses(self.config, train, step),
            *val_diagnoses(self.config, val, step, sync_is_on=self.sync_is_on, is_last=is_last),
            *(plateau_diagnoses(self.config, self._nearness) if is_last else []),
        ]

    def state(self) -> dict[str, Any]:
        """Whether the sync losses are enabled, and the nearness at each validation."""
        return {"sync_is_on": self.sync_is_on, "nearness": dict(self._nearness)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        self.sync_is_on = bool(state["sync_is_on"])
        self._nearness = dict(state["nearness"])
