"""The training loop: updates, progress, validation, checkpoints, early stopping.

Every random draw follows from (seed, step, process), so a checkpoint needs no generator's state: a training that was
killed repeats the steps since its last checkpoint; on a CPU its result is that of an uninterrupted one, bit for bit.
"""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cals_models.config.training import TrainingConfig
from cals_models.terminal.progress_bar import progress_bar
from cals_models.training.distributed import World
from cals_models.training.prefetch import Prefetcher
from cals_models.training.run_directory import RunDirectory
from cals_models.training.schedule import AveragedWeights, learning_rate
from cals_models.training.stage import TrainingStage

MAX_CONSECUTIVE_NOT_FINITE = 10


class TrainingDiverged(RuntimeError):
    """The loss was not finite for too many updates in a row."""


@dataclass(kw_only=True)
class Progress:
    """State of a training besides its tensors: plain data, all of it in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_metrics: dict[str, float] = field(default_factory=dict)
    validations_without_better: int = 0
    consecutive_not_finite: int = 0
    cooldown_from: int | None = None
    """Updates done when early stopping began to lower the learning rate."""

    def last_step(self, config: TrainingConfig) -> int:
        """Number of updates after which the training ends."""
        if self.cooldown_from is None:
            return config.steps
        length = max(1, round(config.early_stopping_cooldown_share * self.cooldown_from))
        return min(config.steps, self.cooldown_from + length)

    def schedule_step(self, config: TrainingConfig) -> int:
        """Where the schedules stand: the number of the update, or during the cooldown what brings them to their end."""
        if self.cooldown_from is None:
            return self.step
        passed = (self.step + 1 - self.cooldown_from) / (self.last_step(config) - self.cooldown_from)
        return round(self.cooldown_from + passed * (config.steps - 1 - self.cooldown_from))


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """Outcome of `train`.

    Args:
        steps: updates done.
        metrics: validation metrics of the weights that the networks hold: those of the last update, or with early
            stopping those of the best validation.
        seconds: training time over all starts.
        stopped_early: whether early stopping ended it.
    """

    steps: int
    metrics: Mapping[str, float]
    seconds: float
    stopped_early: bool


def train(stage: TrainingStage, run: RunDirectory, *, show_progress: bool = True) -> TrainResult:
    """Trains a stage to its end, from its checkpoint if there is one.

    Args:
        stage: networks, batches, updates and validation; its networks hold the resulting weights afterwards.
        run: the training's folder; progress and checkpoints go there.
        show_progress: whether the first process shows a progress bar.

    Raises:
        ValueError: the checkpoint is damaged or another network's, or the split `val` cannot be used.
        TrainingDiverged: losses stayed not finite.
    """
    config, world = stage.config, stage.world
    averages = AveragedWeights({name: stage.networks[name] for name in stage.exported}, config.ema_decay)
    progress, val_metrics = _resume(stage, averages, run)
    first, last = (step * config.accumulate_batches for step in (progress.step, config.steps))
    with (
        Prefetcher(stage.draw, first=first, last=last, device=world.device) as batches,
        progress_bar(
            type(stage).__name__, config.steps, progress.step, show=show_progress and world.is_first
        ) as bar,
    ):
        window = _LogWindow(batches, progress.step)
        while progress.step < progress.last_step(config):
            started = time.perf_counter()
            seed_step(config.seed, progress.step, world.rank)
            step_batches = [batches.take() for _ in range(config.accumulate_batches)]
            schedule_step = progress.schedule_step(config)
            step_metrics = stage.train_step(step_batches, schedule_step)
            averages.update()
            progress.step += 1
            bar.update()
            is_last = progress.step == progress.last_step(config)
            if progress.step % config.log_every_steps == 0 or is_last or progress.step == 1:
                train_metrics = window.close(step_metrics, progress.step, world)
                _note_not_finite(progress, train_metrics, run)
                train_metrics["learning_rate"] = learning_rate(schedule_step, config)
                run.log("train", progress.step, train_metrics)
                _warn(stage, run, train_metrics, {}, progress.step, is_last=False)
                bar.set_postfix(loss=f"{train_metrics['loss']:.4f}")
            if progress.step % config.validate_every_steps == 0 or is_last:
                val_metrics = _validate(stage, averages, progress, run, is_last=is_last)
                window.restart(progress.step)
            progress.seconds += time.perf_counter() - started
            if progress.step % config.checkpoint_every_steps == 0 or is_last:
                run.save_checkpoint(_state(stage, averages, progress, val_metrics))
    averages.adopt()
    return TrainResult(
        steps=progress.step,
        metrics=progress.best_metrics if config.early_stopping_validations else val_metrics,
        seconds=progress.seconds,
        stopped_early=progress.cooldown_from is not None,
    )


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch's generators for one update: dropout and masks follow from the step's number."""
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class _LogWindow:
    """Time of the updates since the last line of progress, and the share of it that was spent waiting for data."""

    def __init__(self, batches: Prefetcher, first_step: int) -> None:
        self._batches = batches
        self._started, self._waited = time.perf_counter(), batches.waited_s
        self._opened_at = first_step

    def close(self, metrics: Mapping[str, Tensor], step: int, world: World) -> dict[str, float]:
        """The newest metrics (means over the processes) and the window's times; opens the next window."""
        names = sorted(metrics)
        values = torch.stack([metrics[name].detach().float().reshape(()) for name in names])
        means = (world.sum(values) / world.size).tolist()
        elapsed = time.perf_counter() - self._started
        waited = self._batches.waited_s - self._waited
        num_steps = step - self._opened_at
        self._started, self._waited, self._opened_at = time.perf_counter(), self._batches.waited_s, step
        return {
            **dict(zip(names, means, strict=True)),
            "seconds_per_step": elapsed / num_steps,
            "data_wait_share": waited / elapsed,
        }

    def restart(self, step: int) -> None:
        """Opens the window again, so that the time of a validation is not counted."""
        self._started, self._waited, self._opened_at = time.perf_counter(), self._batches.waited_s, step


def _resume(
    stage: TrainingStage, averages: AveragedWeights, run: RunDirectory
) -> tuple[Progress, dict[str, float]]:
    state = run.load_checkpoint()
    if state is None:
        run.rewind(0)
        return Progress(), {}
    try:
        for name, network in stage.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in stage.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        averages.load_state(state["averages"])
        stage.load_state(state["stage"])
        progress = Progress(**state["progress"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{run.checkpoint_path}: another network's checkpoint ({str(error).splitlines()[0]});"
            " delete it to train from the start"
        ) from error
    run.rewind(progress.step)
    if state["metrics"]:
        stage.observe(state["metrics"])
    return progress, state["metrics"]


def _state(
    stage: TrainingStage, averages: AveragedWeights, progress: Progress, metrics: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "networks": {name: network.state_dict() for name, network in stage.networks.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in stage.optimizers.items()},
        "averages": averages.state(),
        "stage": stage.state(),
        "progress": dict(vars(progress)),
        "metrics": dict(metrics),
    }


def _validate(
    stage: TrainingStage, averages: AveragedWeights, progress: Progress, run: RunDirectory, *, is_last: bool
) -> dict[str, float]:
    """Metrics of the averaged weights, computed by the first process; every process decides alike on early stopping."""
    metrics: dict[str, float] = {}
    if stage.world.is_first:
        with averages.applied(), torch.no_grad(), _evaluating(stage):
            metrics = stage.validate(progress.step)
            for name, png in stage.samples().items():
                run.write_bytes(f"samples/{progress.step:06d}-{name}", png)
    metrics = dict(stage.world.from_first(metrics))  # type: ignore[call-overload]
    stage.observe(metrics)
    run.log("val", progress.step, metrics)
    value = metrics[stage.best_metric] * (1 if stage.higher_is_better else -1)
    patience = stage.config.early_stopping_validations
    if progress.best is None or math.isnan(progress.best) or value > progress.best:
        progress.best, progress.best_metrics, progress.validations_without_better = value, metrics, 0
        if patience:
            averages.keep_best()
    else:
        progress.validations_without_better += 1
    is_due = bool(patience) and progress.validations_without_better >= patience
    if is_due and not is_last and progress.cooldown_from is None:
        progress.cooldown_from = progress.step
    diagnosed = progress.best_metrics if is_last and patience else metrics
    _warn(stage, run, {}, diagnosed, progress.step, is_last=is_last)
    return metrics


@contextmanager
def _evaluating(stage: TrainingStage) -> Iterator[None]:
    """Evaluation mode, uncompiled: torch would compile the networks again for each size of a validation batch."""
    for network in stage.networks.values():
        network.eval()
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for network in stage.networks.values():
            network.train()


def _warn(
    stage: TrainingStage,
    run: RunDirectory,
    train: Mapping[str, float],
    val: Mapping[str, float],
    step: int,
    *,
    is_last: bool,
) -> None:
    for diagnosis in stage.diagnose(train, val, step, is_last=is_last):
        run.warn(diagnosis.name, diagnosis.text, step)


def _note_not_finite(progress: Progress, train: Mapping[str, float], run: RunDirectory) -> None:
    if math.isfinite(train["loss"]):
        progress.consecutive_not_finite = 0
        return
    progress.consecutive_not_finite += 1
    run.warn(
        "not_finite",
        "the loss is not finite and its updates are skipped: lower learning_rate, lengthen warmup_steps,"
        " or set precision to fp32; check for silent or damaged clips",
        progress.step,
    )
    if progress.consecutive_not_finite >= MAX_CONSECUTIVE_NOT_FINITE:
        raise TrainingDiverged(
            f"{run.folder}: the loss was not finite at {MAX_CONSECUTIVE_NOT_FINITE} lines of progress in a row"
            f" up to step {progress.step}; lower learning_rate or set precision to fp32"
        )
