"""Where a dub's audio holds speech, by Silero VAD, whose weights come with its package (MIT).

Source: https://github.com/snakers4/silero-vad
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.media.audio import FULL_SCALE
from cals_models.timebase import SAMPLE_RATE_HZ
from pipelines.dubbing.clock import clock

BLOCK_SAMPLES = 512
# The audio is brought to this level (root mean square of its loudest second), by at most MAX_GAIN: soft speech is found too.
LEVEL_RMS, MAX_GAIN = 0.1, 30.0
# Shortest pause that parts two spans of speech, and shortest speech.
PAUSE_MS, SHORTEST_MS = 100, 120
# Shortest stretch without speech that the result tells of, and the level below which it is silence, full scale 1.
TOLD_S = 1.0
SILENT_RMS = 0.001


@dataclass(frozen=True, kw_only=True)
class Span:
    """A part of the audio, seconds from its start."""

    start_s: float
    end_s: float

    def text(self) -> str:
        return f"{clock(self.start_s)} to {clock(self.end_s)}"

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def later(self, by_s: float) -> Span:
        return Span(start_s=self.start_s + by_s, end_s=self.end_s + by_s)


def find_speech(mono: NDArray[np.int16]) -> list[Span]:
    """The spans that hold speech, in order.

    Args:
        mono: int16 (n,), 16 kHz.
    """
    import torch

    threads = torch.get_num_threads()
    from silero_vad import get_speech_timestamps_from_probs, load_silero_vad

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # that torch.jit.load is deprecated is the package's affair
        network = load_silero_vad()
    torch.set_num_threads(threads)  # the package sets one for the whole process
    gain = _gain(mono)
    padded = np.pad(mono, (0, -len(mono) % BLOCK_SAMPLES))
    with torch.inference_mode():
        chances = [
            float(network(torch.from_numpy(block.astype(np.float32) * gain), SAMPLE_RATE_HZ))
            for block in padded.reshape(-1, BLOCK_SAMPLES)
        ]
    found = get_speech_timestamps_from_probs(
        chances,
        sampling_rate=SAMPLE_RATE_HZ,
        min_speech_duration_ms=SHORTEST_MS,
        min_silence_duration_ms=PAUSE_MS,
        audio_length_samples=len(mono),
    )
    return [Span(start_s=one["start"] / SAMPLE_RATE_HZ, end_s=one["end"] / SAMPLE_RATE_HZ) for one in found]


def gaps_between(speech: Sequence[Span], end_s: float, shortest_s: float) -> list[Span]:
    """The stretches without speech from 0 to ``end_s``, those of at least ``shortest_s`` seconds."""
    starts = [0.0, *(span.end_s for span in speech)]
    ends = [*(span.start_s for span in speech), end_s]
    return [
        Span(start_s=start, end_s=min(end, end_s))
        for start, end in zip(starts, ends, strict=True)
        if min(end, end_s) - start >= shortest_s
    ]


def without_speech(
    mono: NDArray[np.int16], speech: Sequence[Span], end_s: float, *, begins_s: float = 0.0
) -> str | None:
    """Where no speech was found, in words; None where no such stretch is a second long.

    Args:
        mono: int16 (n,), 16 kHz; silence follows it.
        speech: of ``find_speech``.
        end_s: of the video, or of the part of it that the audio is for.
        begins_s: where that part begins.
    """
    told = []
    for gap in gaps_between(speech, end_s, TOLD_S):
        audio = mono[round(gap.start_s * SAMPLE_RATE_HZ) : round(gap.end_s * SAMPLE_RATE_HZ)]
        kind = "silence" if _loudest_rms(audio) < SILENT_RMS * FULL_SCALE else "music or noise"
        told.append(f"{gap.later(begins_s).text()} ({kind})")
    return "no speech found from " + ", from ".join(told) if told else None


def _gain(mono: NDArray[np.int16]) -> np.float32:
    loudest = _loudest_rms(mono) / FULL_SCALE
    wanted = min(LEVEL_RMS / loudest, MAX_GAIN) if loudest > 0 else 1.0
    return np.float32(wanted / FULL_SCALE)


def _loudest_rms(mono: NDArray[Any]) -> float:
    """Root mean square of the loudest second; 0 for no audio."""
    seconds = [mono[start : start + SAMPLE_RATE_HZ] for start in range(0, len(mono), SAMPLE_RATE_HZ)]
    return max((float(np.sqrt((one.astype(np.float64) ** 2).mean())) for one in seconds), default=0.0)
