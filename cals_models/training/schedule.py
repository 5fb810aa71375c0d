"""Learning rates as a function of the step, and the averaged weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cals_models.config.training import TrainingConfig


def learning_rate(step: int, config: TrainingConfig, *, peak: float | None = None) -> float:
    """The learning rate of an update.

    Args:
        step: updates done before it, from 0.
        config: schedule and its settings.
        peak: instead of `config.learning_rate`.

    Returns:
        Rises linearly over `warmup_steps` (the first update is not 0), then follows the schedule.

    Example:
        >>> from cals_models.config.audio_to_lip import AudioToLipConfig
        >>> config = AudioToLipConfig(steps=100, warmup_steps=10, learning_rate=1.0)
        >>> [round(learning_rate(step, config), 3) for step in (0, 9, 55, 99)]
        [0.1, 1.0, 0.525, 0.05]
    """
    top = config.learning_rate if peak is None else peak
    if step < config.warmup_steps:
        return top * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return top
    if config.schedule == "step":
        return top * float(config.step_factor) ** (step // config.step_every_steps)
    done = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    share = config.final_learning_rate_share
    return top * (share + (1 - share) * 0.5 * (1 + math.cos(math.pi * done)))


class AveragedWeights:
    """An exponential moving average of networks' weights.

    After n updates the decay is (1 + n) / (10 + n), at most the setting, so that a short training forgets its first
    weights. Buffers are not averaged.

    Args:
        networks: name -> network.
        decay: of the average, in [0, 1); 0 takes the weights themselves.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self._parameters = {
            f"{name}.{key}": parameter
            for name, network in networks.items()
            for key, parameter in network.named_parameters()
        }
        self._buffers = {
            f"{name}.{key}": buffer
            for name, network in networks.items()
            for key, buffer in network.named_buffers()
        }
        self.averages = {key: parameter.detach().clone() for key, parameter in self._parameters.items()}
        self._best: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self) -> None:
        """Adds the weights after an update to the averages."""
        self.num_updates += 1
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates)) if self.decay else 0.0
        torch._foreach_lerp_(
            list(self.averages.values()), [p.detach() for p in self._parameters.values()], 1 - decay
        )

    @contextmanager
    @torch.no_grad()
    def applied(self) -> Iterator[None]:
        """Context in which the networks have the averaged weights."""
        kept = {key: parameter.detach().clone() for key, parameter in self._parameters.items()}
        self._set(self.averages)
        try:
            yield
        finally:
            self._set(kept)

    def keep_best(self) -> None:
        """Keeps a copy of the current averages and buffers as the best so far."""
        now = self.averages | self._buffers
        self._best = {key: tensor.detach().clone() for key, tensor in now.items()}

    def adopt(self) -> None:
        """Sets the networks to the best averages, or to the current ones where none were kept."""
        self._set(self._best or self.averages)

    def state(self) -> dict[str, object]:
        """Tensors and plain data for a checkpoint."""
        return {"num_updates": self.num_updates, "averages": self.averages, "best": self._best}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Restores what `state` returned."""
        self.num_updates = int(state["num_updates"])  # type: ignore[call-overload]
        averages: Mapping[str, Tensor] = state["averages"]  # type: ignore[assignment]
        for key, average in self.averages.items():
            average.copy_(averages[key])
        best: Mapping[str, Tensor] = state["best"]  # type: ignore[assignment]
        now = self.averages | self._buffers
        self._best = {key: tensor.to(now[key].device) for key, tensor in best.items()}

    @torch.no_grad()
    def _set(self, values: Mapping[str, Tensor]) -> None:
        own: Mapping[str, Tensor] = self._parameters | self._buffers
        for key, value in values.items():
            own[key].copy_(value)
