"""The pipeline's own evaluator: it trains, loads under a name of its own, and finds the offsets of synthetic clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cals_models.metrics.lse_weights import load_trained_evaluator
from cals_models.networks.syncnet import SyncNet, SyncNetConfig, WeightsError
from cals_models.shards.shard_set import ShardSet
from cals_models.training.__main__ import main
from cals_models.training.lse_evaluator import lip_stacks, match, other_moments, padding_gap
from tests.support.grid_crops import crops_shard_set

NUM_FRAMES = 60
SAMPLES = 640
NOISE_LEVELS = (0.01, 0.1, 0.4, 1.6)


def talking(seed: int, num_frames: int = NUM_FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """Frames with a mouth as wide and high as pitch and loudness of the audio determine, and that audio, int16."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0.05, 1, num_frames // 2 + 1), 2)[:num_frames]
    pitch_hz = np.repeat(rng.uniform(200, 3000, num_frames // 2 + 1), 2)[:num_frames]
    frames = np.full((num_frames, 128, 128, 3), 60, np.uint8)
    frames[:, 8:124, 16:112] = rng.integers(110, 200, 3)
    for frame in range(num_frames):
        half_height, half_width = 1 + int(14 * loudness[frame]), 8 + int(pitch_hz[frame] / 110)
        frames[frame, 96 - half_height : 97 + half_height, 64 - half_width : 64 + half_width] = (120, 20, 30)
    phase = np.cumsum(np.repeat(pitch_hz, SAMPLES)) * 2 * np.pi / 16_000
    audio = np.repeat(loudness, SAMPLES) * np.sin(phase) + rng.normal(0, 0.003, len(phase))
    return frames, np.clip(12_000 * audio, -32768, 32767).astype(np.int16)


def write_shards(folder: Path, num_train: int) -> Path:
    counts = {"train": num_train, "val": 3, "test": 3}
    names = [f"made/{split}/{number}" for split, count in counts.items() for number in range(count)]
    crops_shard_set(folder, {name: talking(seed) for seed, name in enumerate(names)})
    return folder / "shards"


def train(folder: Path, shards: Path, **settings: object) -> Path:
    config = {
        "batch_samples": 16, "width_factor": 0.05, "learning_rate": 1e-3, "warmup_steps": 10, "ema_decay": 0.9,
        "validate_every_steps": 1_000, "validation_clips": 3, "frame_cache_bytes": 2**28, **settings,
    }  # fmt: skip
    job = {"stage": "lse_evaluator", "method": None, "dataset": "made", "shards": [str(shards)], "inputs": {}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.json").write_text(json.dumps(job | {"config": config}))
    out = folder / "model"
    arguments = [
        "lse_evaluator",
        "--config",
        str(folder / "job.json"),
        "--out",
        str(out),
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("few"), num_train=4)


def test_a_trained_evaluator_loads_under_its_own_name(shards: Path, tmp_path: Path) -> None:
    out = train(tmp_path, shards, steps=3, samples_per_clip=4)
    result = json.loads((out / "result.json").read_text())
    assert {"lse_d", "lse_c", "lse_d_margin", "offset_within_1"} <= set(result["figures"])
    assert result["chance"]["offset_within_1"] == pytest.approx(3 / 31)
    evaluator = load_trained_evaluator(out)
    assert evaluator.name == f"pipeline/made/width_0.05/{result['weights_sha256'][:12]}"
    clip = next(ShardSet(shards).clips("test"))
    found = evaluator.evaluate(torch.from_numpy(clip.frames(range(NUM_FRAMES))), clip.audio())
    assert found.num_windows == NUM_FRAMES - 5 and found.distance > 0
    (out / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="damaged"):
        load_trained_evaluator(out)


def moments_of(*frames: int) -> torch.Tensor:
    return torch.tensor(frames)[:, None, None].expand(-1, 1, 2)


def test_the_loss_is_lower_where_the_right_window_is_nearest() -> None:
    lips = torch.randn(6, 32) * 5
    moments = moments_of(*range(6))
    right = match(lips, lips[:, None] + 0.01, moments)
    wrong = match(lips, lips.roll(1, 0)[:, None], moments)
    assert float(right.loss) < 0.1 < float(wrong.loss) and float(right.retrieval_at_1) == 1
    equal = torch.zeros(6, 32)
    assert float(match(equal, equal[:, None], moments).loss) == pytest.approx(np.log(6), abs=1e-4)


def test_the_audio_a_frame_later_is_a_negative() -> None:
    lips = torch.randn(6, 32) * 5
    moments = torch.stack([moments_of(*range(0, 12, 2)), moments_of(*range(1, 13, 2))], dim=1)[:, :, 0]
    audio = torch.stack([lips + 0.1, lips], dim=1)
    later = match(lips, audio, moments)
    assert float(later.loss) > 0.3 and float(later.retrieval_at_1) == 0
    assert float(match(lips, audio.flip(1), moments).retrieval_at_1) == 1
    equal = match(torch.zeros(6, 32), torch.zeros(6, 2, 32), moments).loss
    assert float(equal) == pytest.approx(np.log(6) + 0.5 * np.log(2), abs=1e-4)


def test_a_moment_that_was_drawn_twice_is_no_negative() -> None:
    lips = torch.randn(4, 32) * 5
    lips[3] = lips[0]
    assert float(match(lips, lips[:, None], moments_of(0, 1, 2, 0)).loss) < 0.1
    assert float(match(lips, lips[:, None], moments_of(0, 1, 2, 3)).loss) > 0.3
    audio = torch.stack([lips, lips], dim=1)
    assert float(match(lips, audio, moments_of(0, 1, 2, 0).expand(-1, 2, 2)).loss) < 0.1


def test_video_and_audio_move_together_until_padding_is_as_far_as_wrong_audio() -> None:
    torch.manual_seed(0)
    network = SyncNet(SyncNetConfig(width_factor=0.05, embedding_dim=32))
    lips, moments = torch.randn(6, 32), moments_of(*range(6))
    found = match(lips, lips[:, None], moments)
    wrong = torch.cdist(lips, lips).sum(dim=1) / 5
    torch.testing.assert_close(found.wrong_distances, wrong)
    gap = padding_gap(network, lips, wrong)
    torch.testing.assert_close(gap.detach(), (lips.norm(dim=1) - wrong).abs().mean())
    gap.backward()  # type: ignore[no-untyped-call]
    moved = {name for name, weight in network.named_parameters() if weight.grad is not None}
    assert moved == {"netfclip.3.bias", "netfcaud.3.bias"}
    torch.testing.assert_close(network.netfclip[3].bias.grad, network.netfcaud[3].bias.grad)
    assert (network.netfclip[3].bias.grad * lips.mean(dim=0)).sum() < 0, "away from zero"
    away = lips + 100 * torch.eye(32)[0]
    torch.testing.assert_close(match(away, away[:, None], moments).loss, found.loss, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("start", "last", "count"), [(0, 60, 8), (30, 60, 8), (60, 60, 5), (3, 60, 0)])
def test_other_moments_are_near_ones_and_far_ones(start: int, last: int, count: int) -> None:
    found = other_moments(start, last, count, np.random.default_rng(0))
    assert len(found) == len(set(found)) == count and start not in found
    distances = [abs(moment - start) for moment in found]
    nearest = sorted(abs(moment - start) for moment in range(last + 1))[1 : 1 + count // 2]
    assert distances[: count // 2] == nearest and max(distances, default=0) <= 15
    assert all(0 <= moment <= last for moment in found)


def test_a_short_clip_repeats_its_other_moments() -> None:
    rng = np.random.default_rng(0)
    assert other_moments(1, 2, 5, rng) == [0, 2, 0, 2, 0]
    assert other_moments(0, 0, 3, rng) == [0, 0, 0]


def test_stacks_are_bgr_frame_by_frame() -> None:
    frames = torch.zeros(2, 5, 128, 128, 3, dtype=torch.uint8)
    frames[1, 3, :, :, 0] = 200  # red of frame 3
    stacks = lip_stacks(frames)
    assert stacks.shape == (2, 15, 224, 224)
    assert [channel for channel in range(15) if stacks[1, channel].max() > 0] == [3 * 3 + 2]


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_it_finds_offsets_and_notices_noise(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, num_train=40)
    out = train(tmp_path, shards, steps=250, samples_per_clip=4, width_factor=0.125)
    evaluator = load_trained_evaluator(out)
    rng = np.random.default_rng(0)
    confidences = np.zeros((3, 1 + len(NOISE_LEVELS)))
    for row, clip in enumerate(ShardSet(shards).clips("test")):
        lips, audio = evaluator.embed_lips(torch.from_numpy(clip.frames(range(NUM_FRAMES)))), clip.audio()
        for delay_frames in range(-10, 11):
            moved = np.roll(audio, SAMPLES * delay_frames)
            assert evaluator.compare(lips, evaluator.embed_audio(moved)).offset_frames == -delay_frames
        for column, level in enumerate((0.0, *NOISE_LEVELS)):
            noise = rng.normal(0, level * audio.astype(float).std(), len(audio))
            noisy = np.clip(audio + noise, -32768, 32767).astype(np.int16)
            confidences[row, column] = evaluator.compare(lips, evaluator.embed_audio(noisy)).confidence
    assert (np.diff(confidences.mean(axis=0)) < 0).all(), confidences
