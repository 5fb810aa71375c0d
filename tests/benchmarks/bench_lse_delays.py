"""Rendered clips with their audio delayed and with noise added: does the pipeline's own evaluator follow?

    python -m tests.benchmarks.bench_lse_delays --renders .cals/renders/DATASET/METHOD/own --evaluator .cals/models/DATASET/lse_evaluator/KEY

Delaying the audio of a clip by k frames must change the offset that is found by exactly -k, for |k| up to 10; LSE-C must fall
with each level of noise. One line a clip, then the means.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from assets.metrics.plain_video import read_plain_video
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.metrics.lse_weights import load_trained_evaluator
from cals_models.timebase import SAMPLES_PER_FRAME

LARGEST_DELAY_FRAMES = 10
NOISE_SHARES = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Of the audio's standard deviation."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--renders", type=Path, required=True)
    parser.add_argument("--evaluator", type=Path, required=True)
    options = parser.parse_args()
    evaluator = load_trained_evaluator(options.evaluator)
    followed, confidences = [], []
    for path in sorted(options.renders.glob("*.mkv")):
        video = read_plain_video(path, stage="lse")
        assert video.audio is not None
        lips = evaluator.embed_lips(torch.from_numpy(video.frames))
        offsets = delayed_offsets(evaluator, lips, video.audio)
        right = [offset == offsets[0] - delay for delay, offset in offsets.items()]
        followed.append(np.mean(right))
        confidences.append(noisy_confidences(evaluator, lips, video.audio))
        shown = ", ".join(f"{value:.2f}" for value in confidences[-1])
        print(
            f"{path.stem}: offset {offsets[0]:+d}, {sum(right)} of {len(right)} delays followed exactly; LSE-C {shown}"
        )
    print(
        f"delays followed: {np.mean(followed):.1%}; LSE-C at noise {NOISE_SHARES}: {np.mean(confidences, axis=0).round(3)}"
    )


def delayed_offsets(evaluator: LipSyncEvaluator, lips: torch.Tensor, audio: np.ndarray) -> dict[int, int]:
    """Delay in frames -> offset found; silence fills the gap."""
    found = {}
    for delay in range(-LARGEST_DELAY_FRAMES, LARGEST_DELAY_FRAMES + 1):
        moved = np.zeros_like(audio)
        samples = SAMPLES_PER_FRAME * abs(delay)
        if delay >= 0:
            moved[samples:] = audio[: len(audio) - samples]
        else:
            moved[:-samples] = audio[samples:]
        found[delay] = evaluator.compare(lips, evaluator.embed_audio(moved)).offset_frames
    return found


def noisy_confidences(evaluator: LipSyncEvaluator, lips: torch.Tensor, audio: np.ndarray) -> list[float]:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, audio.astype(float).std(), len(audio))
    noisy = [np.clip(audio + share * noise, -32768, 32767).astype(np.int16) for share in NOISE_SHARES]
    return [evaluator.compare(lips, evaluator.embed_audio(one)).confidence for one in noisy]


if __name__ == "__main__":
    main()
