"""The training loop, around a network of one weight: schedules, averages, resuming, stopping, written files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.training import TrainingConfig
from cals_models.training.distributed import World
from cals_models.training.engine import TrainingDiverged, seed_step, train
from cals_models.training.job import TrainingJob, job_from_plain, read_job
from cals_models.training.result import write_result
from cals_models.training.run_directory import RunDirectory, read_progress
from cals_models.training.schedule import AveragedWeights, learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer

ALONE = World(rank=0, size=1, device=torch.device("cpu"))
CONFIG = AudioToLipConfig(
    steps=12,
    batch_samples=4,
    learning_rate=0.1,
    warmup_steps=2,
    log_every_steps=1,
    checkpoint_every_steps=5,
    validate_every_steps=4,
    ema_decay=0.5,
)


class Line(TrainingStage):
    """Fits y = 2x; noise in the updates stands for dropout."""

    best_metric = "error"

    def __init__(
        self, config: TrainingConfig, *, stop_at: int | None = None, nan_from: int | None = None
    ) -> None:
        self.config, self.world = config, ALONE
        seed_step(config.seed, -1, 0)
        self.network = nn.Linear(1, 1)
        self.network.register_buffer("num_steps", torch.zeros(()))  # such as the statistics of a batch norm
        self.networks = {"line": self.network}
        self.exported = ("line",)
        self.optimizers = {"line": build_optimizer([self.network], config)}
        self.stop_at, self.nan_from = stop_at, nan_from

    def draw(self, batch_number: int) -> Batch:
        generator = torch.Generator().manual_seed(batch_number)
        x = torch.randn(self.config.batch_samples, 1, generator=generator)
        return {"x": x, "y": 2 * x}

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        if step == self.stop_at:
            raise KeyboardInterrupt
        losses = []
        self.network.num_steps.add_(1)
        for batch in batches:
            noise = 0.1 * torch.randn_like(batch["x"])
            loss = (self.network(batch["x"] + noise) - batch["y"]).square().mean()
            if self.nan_from is not None and step >= self.nan_from:
                loss = loss * math.nan
            (loss / len(batches)).backward()
            losses.append(loss.detach())
        rate = learning_rate(step, self.config)
        norm = apply_gradients(
            self.optimizers["line"], learning_rate=rate, config=self.config, world=self.world
        )
        return {"loss": torch.stack(losses).mean(), "gradient_norm": norm}

    def validate(self, step: int) -> dict[str, float]:
        return {"error": abs(self.network.weight.item() - 2)}

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        return [Diagnosis(name="made", text="nothing to do")] if step >= 6 else []


def losses(folder: Path) -> list[float]:
    lines = read_progress(folder / "progress.jsonl")
    return [line["metrics"]["loss"] for line in lines if line.get("split") == "train"]


def test_a_killed_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    straight = Line(CONFIG)
    RunDirectory(tmp_path / "a").folder.mkdir()
    train(straight, RunDirectory(tmp_path / "a"), show_progress=False)
    (tmp_path / "b").mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(Line(CONFIG, stop_at=8), RunDirectory(tmp_path / "b"), show_progress=False)
    with (tmp_path / "b" / "progress.jsonl").open("a") as file:
        file.write('{"step": 9, "spl')
    resumed = Line(CONFIG)
    result = train(resumed, RunDirectory(tmp_path / "b"), show_progress=False)
    assert result.steps == 12 and len(losses(tmp_path / "a")) == 12
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    assert torch.equal(straight.network.weight, resumed.network.weight)
    steps = [line["step"] for line in read_progress(tmp_path / "b" / "progress.jsonl") if "warning" in line]
    assert steps == [6]


def test_accumulated_batches_are_one_larger_batch(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    stage = Line(replace(CONFIG, accumulate_batches=3))
    drawn: list[int] = []
    stage.draw = lambda number: drawn.append(number) or Line.draw(stage, number)  # type: ignore[method-assign]
    train(stage, RunDirectory(tmp_path / "a"), show_progress=False)
    assert drawn[:36] == list(range(36))


def test_early_stopping_takes_the_setting(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    config = replace(CONFIG, steps=400, early_stopping_validations=2, learning_rate=1e-9, ema_decay=0.0)
    stage = Line(config)
    stage.validate = lambda step: {"error": 1.0}  # type: ignore[method-assign]
    result = train(stage, RunDirectory(tmp_path / "a"), show_progress=False)
    assert result.stopped_early and result.steps == 13  # 12 and a tenth of it


def test_early_stopping_ends_with_the_schedules_low_rates(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    config = replace(
        CONFIG, steps=400, early_stopping_validations=2, early_stopping_cooldown_share=0.5, log_every_steps=1
    )
    stage = Line(config)
    stage.validate = lambda step: {"error": 1.0}  # type: ignore[method-assign]
    assert train(stage, RunDirectory(tmp_path / "a"), show_progress=False).steps == 18
    logged = [json.loads(line) for line in (tmp_path / "a" / "progress.jsonl").read_text().splitlines()]
    rates = [line["metrics"]["learning_rate"] for line in logged if line.get("split") == "train"]
    assert rates[11] == pytest.approx(learning_rate(11, config))
    assert rates[12:] == sorted(rates[12:], reverse=True)
    assert rates[-1] == pytest.approx(learning_rate(399, config))


@pytest.mark.parametrize("killed_at", [None, 11])
def test_early_stopping_takes_the_weights_of_the_best_validation(
    tmp_path: Path, killed_at: int | None
) -> None:
    (tmp_path / "a").mkdir()
    seen: dict[int, Tensor] = {}

    def worse_after_8(stage: Line, step: int) -> dict[str, float]:
        seen[step] = stage.network.weight.detach().clone()
        return {"error": float(abs(step - 8))}

    for stop_at in (killed_at, None):
        config = replace(CONFIG, steps=40, early_stopping_validations=2)
        stage = Line(config, stop_at=stop_at)
        stage.validate = lambda step, stage=stage: worse_after_8(stage, step)  # type: ignore[method-assign]
        try:
            result = train(stage, RunDirectory(tmp_path / "a"), show_progress=False)
        except KeyboardInterrupt:
            continue
    assert result.stopped_early and result.steps == 18 and result.metrics == {"error": 0.0}
    assert torch.equal(stage.network.weight, seen[8]) and not torch.equal(seen[8], seen[18])
    assert stage.network.num_steps == 8


def test_a_loss_that_is_not_finite_changes_no_weight_warns_and_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    stage = Line(replace(CONFIG, steps=40), nan_from=3)
    run = RunDirectory(tmp_path / "a")
    with pytest.raises(TrainingDiverged, match="lower learning_rate"):
        train(stage, run, show_progress=False)
    assert torch.isfinite(stage.network.weight).all()
    assert run.warnings["not_finite"]["step"] == 4


def test_gradients_are_clipped(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.zeros(2, 2))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.full((2, 2), 10.0)
    norm = apply_gradients(
        optimizer, learning_rate=1.0, config=replace(CONFIG, clip_gradient_norm=1.0), world=ALONE
    )
    assert norm.item() == pytest.approx(20.0) and weight.norm().item() == pytest.approx(1.0, abs=1e-4)


def test_averages_follow_their_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    averages = AveragedWeights({"n": network}, 0.25)
    for value in (1.0, 2.0):
        network.weight.data.fill_(value)
        averages.update()
    first = 1 - 2 / 11
    assert averages.averages["n.weight"].item() == pytest.approx(0.25 * first + 0.75 * 2.0)
    with averages.applied():
        assert network.weight.item() == pytest.approx(0.25 * first + 1.5)
    assert network.weight.item() == 2.0


@pytest.mark.parametrize("schedule", ["cosine", "step", "constant"])
def test_schedules(schedule: str) -> None:
    config = replace(
        CONFIG, schedule=schedule, steps=100, warmup_steps=10, step_every_steps=40, step_factor=0.1
    )
    rates = [learning_rate(step, config) / config.learning_rate for step in (0, 9, 55, 99)]
    expected = {"cosine": [0.1, 1, 0.525, 0.0503], "step": [0.1, 1, 0.1, 0.01], "constant": [0.1, 1, 1, 1]}
    assert rates == pytest.approx(expected[schedule], abs=2e-3)


def test_the_result_is_written_last_and_is_complete(tmp_path: Path) -> None:
    job = TrainingJob(
        stage="audio_to_lip", method=None, dataset="made", shards=(tmp_path,), config=CONFIG, inputs={}
    )
    run = RunDirectory(tmp_path / "out")
    run.claim(job)
    stage = Line(CONFIG)
    result = train(stage, run, show_progress=False)
    assert not run.result_path.exists()
    write_result(job, stage, result, run, {"shards": {"shards": "abc"}, "code": {"f": "1"}})
    written = json.loads(run.result_path.read_text())
    assert written["steps"] == 12 and written["figures"]["error"] < 2
    assert written["num_parameters"] == 3 and written["shards"] == {"shards": "abc"}
    assert written["code"] == {"f": "1"}
    assert [warning["warning"] for warning in written["warnings"]] == ["made"]
    assert {"model.json", "model.safetensors"} <= {path.name for path in run.folder.iterdir()}
    assert not list(run.folder.glob("*.partial"))
    other = TrainingJob(**{**vars(job), "config": replace(CONFIG, steps=13)})
    with pytest.raises(ValueError, match=r"config\.steps"):
        RunDirectory(tmp_path / "out").claim(other)


def test_a_checkpoint_with_code_in_it_is_rejected_and_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"networks": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="not a checkpoint of tensors"):
        train(Line(CONFIG), RunDirectory(tmp_path), show_progress=False)
    assert not (tmp_path / "ran").exists()


def test_another_networks_checkpoint_is_rejected(tmp_path: Path) -> None:
    torch.save({"networks": {"line": {"weight": torch.zeros(3, 3)}}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="another network's checkpoint"):
        train(Line(CONFIG), RunDirectory(tmp_path), show_progress=False)


def test_an_error_in_the_loader_ends_the_training(tmp_path: Path) -> None:
    stage = Line(CONFIG)

    def fail(number: int) -> Batch:
        raise ValueError("shard damaged")

    stage.draw = fail  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="shard damaged"):
        train(stage, RunDirectory(tmp_path), show_progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "mels"}, "must be one of"),
        ({"method": "nothing"}, "not trained"),
        ({"shards": []}, "list of folders"),
        ({"inputs": {"audio_to_lip": "/x"}}, "inputs.sync_encoder is missing"),
        ({"config": {"stesp": 3}}, "no such setting"),
        ({"extra": 1}, "unknown field 'extra'"),
    ],
)
def test_wrong_jobs_are_named(change: dict[str, object], message: str) -> None:
    plain = {"stage": "generator", "method": "cals", "dataset": "d", "shards": ["/s"], "config": {}}
    plain |= {"inputs": {"sync_encoder": "/x", "audio_to_lip": "/y"}}
    assert job_from_plain(plain, where="here").method == "cals"
    with pytest.raises(ValueError, match=message):
        job_from_plain({**plain, **change}, where="here")


def test_a_job_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        read_job(tmp_path / "config.json")
    with pytest.raises(ValueError, match="no such file"):
        read_job(tmp_path / "none.json")
