"""LSE against a transcription of its protocol: values, offsets, short clips. `tests/benchmarks/bench_lse.py` compares their speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cals_models.metrics.lse import LipSyncEvaluator, LseError, LseResult, mfcc, num_windows
from tests.support.grid_crops import grid_crops
from tests.support.lse_transcription import network_of, transcribed


def agrees(result: LseResult, expected: tuple[float, float, int], *, rel: float) -> None:
    assert result.distance == pytest.approx(expected[0], rel=rel)
    assert result.confidence == pytest.approx(expected[1], rel=rel)
    assert result.offset_frames == expected[2]


@pytest.mark.parametrize(
    ("seed", "width_factor", "num_frames"), [(0, 1.0, 40), (1, 0.125, 75), (2, 0.125, 29)]
)
def test_equals_a_transcription_of_the_protocol(
    grid_clips: list[Path], seed: int, width_factor: float, num_frames: int
) -> None:
    frames, audio = grid_crops(grid_clips[1])
    frames, audio = frames[:num_frames], audio[: 640 * num_frames]
    network = network_of(seed, width_factor)
    expected = transcribed(network, frames, audio)
    result = LipSyncEvaluator(network, name="random").evaluate(torch.from_numpy(frames.copy()), audio)
    agrees(result, expected, rel=1e-3)
    assert result.num_windows == num_frames - 5
    assert len(result.mean_distances) == 31


@pytest.mark.parametrize(("num_frames", "num_samples"), [(30, 640 * 27 + 600), (27, 640 * 31)])
def test_the_shorter_of_audio_and_video_counts(
    grid_clips: list[Path], num_frames: int, num_samples: int
) -> None:
    frames, audio = grid_crops(grid_clips[1])
    network = network_of(4, 0.125)
    expected = transcribed(network, frames[:num_frames], audio[:num_samples])
    evaluator = LipSyncEvaluator(network, name="random")
    result = evaluator.evaluate(torch.from_numpy(frames[:num_frames].copy()), audio[:num_samples])
    assert result.num_windows == 22
    agrees(result, expected, rel=1e-3)


def test_bf16_is_near(grid_clips: list[Path]) -> None:
    frames, audio = grid_crops(grid_clips[1])
    network = network_of(1, 0.125)
    exact = LipSyncEvaluator(network, name="random").evaluate(torch.from_numpy(frames.copy()), audio)
    near = LipSyncEvaluator(network, name="random", dtype=torch.bfloat16)
    result = near.evaluate(torch.from_numpy(frames.copy()), audio)
    assert result.distance == pytest.approx(exact.distance, rel=5e-3)


@pytest.mark.parametrize("delay_frames", [-10, -3, -1, 0, 1, 2, 10])
def test_audio_that_is_later_by_k_frames_lowers_the_offset_by_k(delay_frames: int) -> None:
    together = torch.randn(60, 64, generator=torch.Generator().manual_seed(1)) * 3
    lips, audio = together[10:50], together[10 - delay_frames : 50 - delay_frames]
    evaluator = LipSyncEvaluator(network_of(1, 0.125), name="random")
    result = evaluator.compare(lips, audio)
    assert result.offset_frames == -delay_frames
    assert result.distance < min(
        d for shift, d in enumerate(result.mean_distances) if shift != 15 + delay_frames
    )


def test_the_level_of_the_audio_counts(grid_clips: list[Path]) -> None:
    _, audio = grid_crops(grid_clips[1])
    assert mfcc(audio).shape == (13, 299)
    with pytest.raises(LseError, match="int16"):
        mfcc(audio.astype(np.float32) / 32768)  # type: ignore[arg-type]


def test_clips_without_a_window_are_rejected() -> None:
    assert num_windows(6, 6 * 640) == 1
    with pytest.raises(LseError, match="at least 6 frames"):
        num_windows(5, 640 * 100)
    with pytest.raises(LseError, match="at least 6 frames"):
        num_windows(100, 640 * 5 + 639)
    evaluator = LipSyncEvaluator(network_of(0, 0.125), name="random")
    with pytest.raises(LseError, match="uint8"):
        evaluator.embed_lips(torch.zeros(8, 128, 128, 3))
    with pytest.raises(LseError, match="as many"):
        evaluator.compare(torch.zeros(4, 8), torch.zeros(5, 8))
