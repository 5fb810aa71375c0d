"""Training of `pc_avs`: samples, what each gradient reaches, one batch overfitted, not finite losses, leak, diagnoses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import POSE_POINTS
from cals_models.training.distributed import World
from cals_models.training.engine import TrainingDiverged, train
from cals_models.training.job import TrainingJob
from cals_models.training.pc_avs import PcAvsStage, build_stage
from cals_models.training.pc_avs_diagnosis import diagnoses, likeness, mouth_leak, upper_gain
from cals_models.training.pc_avs_samples import PcAvsSampleDrawer
from cals_models.training.run_directory import RunDirectory, read_progress
from cals_models.training.sampler import train_source
from cals_models.training.stage import Batch
from tests.cals_models.training.small_jobs import ALWAYS, train_by_hand, write_job
from tests.cals_models.training.talking_shards import write_talking_shards

ALONE = World(rank=0, size=1, device=torch.device("cpu"))
CONFIG = PcAvsConfig(
    **ALWAYS,  # type: ignore[arg-type]
    steps=4,
    batch_samples=4,
    encoder_width=8,
    encoder_blocks=1,
    widths=(8,) * 6,
    blocks_per_level=1,
    discriminator_width=8,
    output_from="identity",
    finest_maps="half",
    context_frames=20,
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def sync_encoder(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Path:
    folder = tmp_path_factory.mktemp("models")
    assert train_by_hand(write_job(folder / "job", "sync_encoder", shards), folder / "sync_encoder") == 0
    return folder / "sync_encoder"


def job_of(shards: Path, sync_encoder: Path, config: PcAvsConfig = CONFIG) -> TrainingJob:
    return TrainingJob(
        stage="generator",
        method="pc_avs",
        dataset="made",
        shards=(shards,),
        config=config,
        inputs={"sync_encoder": sync_encoder},
    )


def stage_of(shards: Path, sync_encoder: Path, config: PcAvsConfig = CONFIG) -> PcAvsStage:
    return build_stage(job_of(shards, sync_encoder, config), ALONE, [ShardSet(shards)])


@pytest.mark.parametrize("pose_from", ["target", "near_pose"])
def test_a_sample_has_three_moments_and_the_audio_of_its_target(shards: Path, pose_from: str) -> None:
    config = replace(
        CONFIG, pose_from=pose_from, perspective_jitter=0.0, scale_jitter=0.0, brightness_jitter=0.0
    )
    source = train_source([ShardSet(shards)], config)
    clip = source.visit(0)
    frames = clip.frames(range(clip.num_frames))

    def numbers_of(frame: np.ndarray) -> list[int]:
        """The moments that look like a frame: two in a row."""
        return np.flatnonzero((frames == frame).all((1, 2, 3))).tolist()

    for number in range(5):
        sample = PcAvsSampleDrawer(source, config).single(clip, np.random.default_rng(number))
        assert sample is not None
        targets, identities, poses = (numbers_of(sample[name]) for name in ("target", "identity", "pose"))
        assert targets and min(abs(i - t) for i in identities for t in targets) >= 5
        assert np.array_equal(sample["driving"], sample["target"])
        assert poses == targets if pose_from == "target" else abs(poses[0] - targets[0]) >= 5
        windows = [clip.mel[:, 4 * (t - 2) : 4 * (t + 3)] for t in targets]
        assert any(np.array_equal(sample["mel"], window) for window in windows)
        assert sample["speaker"] == sample["word"] == -1
        assert np.array_equal(sample["driving_change"], np.eye(3))


def test_driving_frames_are_changed_and_the_target_is_not(shards: Path) -> None:
    source = train_source([ShardSet(shards)], CONFIG)
    sample = PcAvsSampleDrawer(source, CONFIG).single(source.visit(0), np.random.default_rng(1))
    assert sample is not None
    assert not np.array_equal(sample["driving"], sample["target"])
    assert not np.allclose(sample["driving_change"], sample["pose_change"])


def test_a_clip_too_short_for_another_moment_has_no_sample(tmp_path: Path) -> None:
    source = train_source([ShardSet(write_talking_shards(tmp_path, num_frames=8))], CONFIG)
    assert PcAvsSampleDrawer(source, CONFIG).single(source.visit(0), np.random.default_rng(0)) is None


def test_one_batch_is_overfitted(shards: Path, sync_encoder: Path) -> None:
    config = replace(
        CONFIG,
        steps=1000,
        batch_samples=2,
        learning_rate=1.5e-3,
        adam_beta_1=0.9,
        clip_gradient_norm=10.0,
        encoder_width=16,
        widths=(16,) * 6,
        precision="fp32",
    )
    stage = stage_of(shards, sync_encoder, config)
    batch = stage.draw(0)
    losses = [stage.train_step([batch], step)["pyramid_l1"].item() for step in range(60)]
    assert losses[-1] < 0.4 * losses[0]


def test_the_weights_are_those_of_the_settings(shards: Path, sync_encoder: Path) -> None:
    stage = stage_of(shards, sync_encoder)
    with torch.no_grad():
        terms = stage.generator_losses(stage.draw(0))[0]
    loss = terms.pop("loss").item()
    expected = sum(getattr(CONFIG, f"{name}_weight") * term.item() for name, term in terms.items())
    assert loss == pytest.approx(expected, rel=1e-4) and len(terms) == 7


@pytest.mark.parametrize("driven", ["mouth", "audio"])
def test_the_pose_code_learns_from_samples_that_the_mouth_drives_alone(
    shards: Path, sync_encoder: Path, driven: str
) -> None:
    config = replace(
        CONFIG, mouth_driven_share=0.9 if driven == "mouth" else 0.0, word_weight=0.0, precision="fp32"
    )
    stage = stage_of(shards, sync_encoder, config)
    stage.generator_losses(stage.draw(0))[0]["loss"].backward()  # type: ignore[no-untyped-call]
    gradient = stage.model.pose_code.weight.grad
    assert gradient is None or (gradient.abs().max() > 0) == (driven == "mouth")
    assert (driven == "mouth") == (gradient is not None and bool(gradient.abs().max() > 0))


def test_words_are_taken_out_of_the_pose_code(shards: Path, sync_encoder: Path) -> None:
    """The classifier learns words from pose codes; the codes are trained to keep it from that."""
    config = replace(
        CONFIG, precision="fp32", word_weight=50.0, pyramid_l1_weight=0.0, gan_weight=0.0, steps=1000
    )
    stage = stage_of(shards, sync_encoder, config)
    batch = {**stage.draw(0), "word": torch.arange(4)}
    torch.nn.init.normal_(stage.words[0].weight, std=10.0)  # type: ignore[arg-type]
    values = [stage.train_step([batch], step)["word"].item() for step in range(12)]
    assert values[0] > 0.02 and values[-1] < 0.3 * values[0]
    assert stage.train_step([batch], 12)["word_loss"].item() > 1


def test_what_is_not_finite_updates_nothing_and_ends_the_training(
    shards: Path, sync_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(shards, sync_encoder, replace(CONFIG, steps=30))
    drawn = stage.draw

    def spoilt(number: int) -> Batch:
        batch = drawn(number)
        return {**batch, "mel": batch["mel"] * float("nan")}

    monkeypatch.setattr(stage, "draw", spoilt)
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    run = RunDirectory(tmp_path / "out", is_writer=True)
    run.claim(job_of(shards, sync_encoder))
    with pytest.raises(TrainingDiverged, match="not finite"):
        train(stage, run, show_progress=False)
    assert all(torch.equal(before[name], value) for name, value in stage.model.state_dict().items())
    lines = read_progress(tmp_path / "out" / "progress.jsonl")
    assert "not_finite" in {line.get("warning") for line in lines}


def test_validation_follows_the_audio_it_is_given(shards: Path, sync_encoder: Path) -> None:
    """A generator that shows the true frames leaks all: another clip's audio changes nothing."""
    stage = stage_of(shards, sync_encoder)
    found = stage.validate(0)
    assert {"psnr", "audio_gain", "reference_nearness", "mouth_leak", "pose_gain"} <= found.keys()
    assert all(np.isfinite(value) for value in found.values())
    true = stage._validation.metrics(lambda batch, targets: targets.clone())
    assert true["pose_side_own"] == pytest.approx(true["pose_side_other"])
    assert true["mouth_leak"] == (
        1.0 if true["pose_side_own"] > 0.05 else pytest.approx(true["pose_side_own"] / 0.05, abs=1e-5)
    )


def test_a_mouth_is_like_its_moment_more_than_like_the_clip() -> None:
    units = torch.eye(8)[None]
    sample = {
        "lips": units,
        "first": torch.tensor([1]),
        "counted": torch.tensor([[False, True, True, True, True, True, True, False]]),
    }
    assert likeness(units[:, 3:5], sample).item() == pytest.approx(1 - 1 / 6)
    assert likeness(units[:, 4:6], sample).item() == pytest.approx(-1 / 6)


@pytest.mark.parametrize(
    ("own", "other", "leak"),
    [
        (0.4, -0.4, 0.0),
        (0.4, 0.4, 1.0),
        (0.4, 0.0, 0.5),
        (0.2, -0.3, 0.0),
        (0.01, 0.01, 0.2),
        (-0.1, -0.1, 0.0),
    ],
)
def test_leak_is_a_share_between_audio_and_pose(own: float, other: float, leak: float) -> None:
    assert mouth_leak(own, other) == pytest.approx(leak)


def test_upper_gain_is_a_ratio_of_errors_above_the_mouth() -> None:
    targets = torch.full((1, 2, 3, 8, 8), 0.5)
    near, far = targets + 0.01, targets + 0.1
    near[..., 4:, :] = 0
    assert upper_gain(near, far, targets) == pytest.approx(20, abs=1e-4)
    assert upper_gain(targets, targets, targets) == 0


def test_diagnoses_name_what_goes_wrong() -> None:
    good = {"audio_gain": 1.0, "reference_nearness": 0.7, "mouth_leak": 0.1, "pose_gain": 1.0}
    settled = dict.fromkeys(range(0, 2001, 200), 0.7)

    def names(train: dict[str, float], val: dict[str, float], step: int = 2000) -> list[str]:
        config = replace(CONFIG, steps=2000)
        return [one.name for one in diagnoses(config, train, val, step, nearness=settled if val else {})]

    assert names({"discriminator_loss": 0.5}, good) == []
    assert names({"discriminator_loss": 0.001}, {}) == ["dead_discriminator"]
    assert names({}, {**good, "mouth_leak": 0.7}) == ["mouth_leaks_through_pose"]
    assert names({}, {**good, "mouth_leak": 0.7}, step=100) == []
    assert names({}, {**good, "pose_gain": 0.0}) == ["ignores_pose"]
    assert names({}, {**good, "audio_gain": 0.01}) == ["ignores_audio"]
    assert names({}, {**good, "reference_nearness": 0.1}) == ["copies_reference"]


def test_near_poses_are_those_of_the_landmarks(shards: Path) -> None:
    """With `near_pose` the pose frame has the fifth of the moments nearest in pose, by points that speech does not move."""
    config = replace(CONFIG, pose_from="near_pose")
    source = train_source([ShardSet(shards)], config)
    clip = source.visit(0)
    turned = np.zeros((clip.num_frames, 68, 2), np.float32)
    turned[:, POSE_POINTS, 0] = np.arange(clip.num_frames)[:, None]
    clip.__dict__["landmarks"] = turned
    drawer = PcAvsSampleDrawer(source, config)
    for number in range(10):
        drawn = drawer._drawn(clip, np.random.default_rng(number))
        assert drawn is not None and 5 < abs(drawn[2] - drawn[0]) <= 11


def test_generated_frames_do_not_depend_on_the_hidden_moment_of_training(
    shards: Path, sync_encoder: Path
) -> None:
    """Held-out frames take identity from the reference, speech from the audio's window, pose from the targets."""
    stage = stage_of(shards, sync_encoder, replace(CONFIG, precision="fp32"))
    batch = stage._validation._batch(range(2))
    targets = batch["frames"][:, 2:-2].movedim(-1, -3).float() / 255
    base = stage.generate(batch, targets)
    assert base.shape == targets.shape

    def changed(other: Batch, frames: Tensor) -> bool:
        return not torch.allclose(stage.generate(other, frames), base, atol=1e-6)

    outside = batch["mel"].clone()
    first = int(batch["first"][0])
    outside[0, :, 4 * (first + CONFIG.target_frames + 2) :] = 0
    outside[0, :, : 4 * max(0, first - 2)] = 0
    assert not changed({**batch, "mel": outside}, targets)
    assert changed({**batch, "mel": batch["mel"].flip(2)}, targets)
    assert changed({**batch, "reference": 255 - batch["reference"]}, targets)
    assert changed(batch, 1 - targets)
