"""What the engine needs of a stage: networks, batches, one update, one validation."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from cals_models.config.training import TrainingConfig
from cals_models.precision import autocast
from cals_models.training.distributed import World

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A known way in which a training goes wrong.

    Args:
        name: identifies it, such as `plateau_at_chance`.
        text: what was measured, and what to try.
    """

    name: str
    text: str


class TrainingStage(ABC):
    """One kind of training. A subclass builds its networks and optimisers in `__init__`.

    Attributes:
        networks: all trained networks, by name: checkpointed.
        exported: names of those that the model consists of: averaged (EMA), validated, exported.
        optimizers: by name: checkpointed.
    """

    best_metric: ClassVar[str]
    """The validation metric that early stopping watches; `higher_is_better` gives its direction."""
    higher_is_better: ClassVar[bool] = False

    config: TrainingConfig
    world: World
    networks: dict[str, nn.Module]
    exported: tuple[str, ...]
    optimizers: dict[str, Optimizer]

    @abstractmethod
    def draw(self, batch_number: int) -> Batch:
        """The batch of a number for this process, on the CPU; it follows from the number and the seed alone.

        Called in a background thread or process.
        """

    @abstractmethod
    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update from `accumulate_batches` batches on the device.

        Leaves the weights as they are if the gradients are not finite (`apply_gradients` does).

        Returns:
            Metric -> scalar without gradient; `loss` among them.
        """

    @abstractmethod
    def validate(self, step: int) -> dict[str, float]:
        """Metrics on the split `val`, with the averaged weights. Called in the first process alone."""

    def chance(self) -> dict[str, float]:
        """Values of the observed metrics by chance, where they are known."""
        return {}

    def observe(self, metrics: Mapping[str, float]) -> None:  # noqa: B027 (most stages have nothing to note)
        """Receives the metrics of each validation, in every process; after a resume those of the last one again."""

    def samples(self) -> dict[str, bytes]:
        """Previews of the last validation: file name -> PNG."""
        return {}

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """Known troubles that the newest metrics show; `train` or `val` is empty where there are no new ones."""
        return []

    def state(self) -> dict[str, Any]:
        """Plain data besides networks and optimisers that a resumed training needs."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027 (most stages have no such data)
        """Restores what `state` returned."""

    def description(self) -> dict[str, Any]:
        """Fields of model.json besides stage, method, dataset and config."""
        return {}

    def autocast(self) -> Any:
        """bf16 autocast where the settings allow it and the device has it."""
        return autocast(self.world.device, self.config.precision)

    def export(self) -> dict[str, Tensor]:
        """The weights of the exported networks: `<network>.<weight>`."""
        return {
            f"{name}.{key}": tensor
            for name in self.exported
            for key, tensor in self.networks[name].state_dict().items()
        }


def build_optimizer(networks: Iterable[nn.Module], config: TrainingConfig) -> AdamW:
    """AdamW over some networks; only weights with two dimensions or more decay."""
    parameters = [
        parameter for network in networks for parameter in network.parameters() if parameter.requires_grad
    ]
    return AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(config.adam_beta_1, config.adam_beta_2),
    )


def apply_gradients(
    optimizer: Optimizer, *, learning_rate: float, config: TrainingConfig, world: World
) -> Tensor:
    """Averages the gradients over the processes, clips them, updates the weights, clears the gradients.

    Returns:
        The gradients' norm before clipping; where it is not finite nothing was updated.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    world.average_gradients(parameters)
    limit = config.clip_gradient_norm or float("inf")
    norm = nn.utils.clip_grad_norm_(parameters, limit)
    if torch.isfinite(norm):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * group.get("learning_rate_share", 1.0)
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
