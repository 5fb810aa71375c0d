"""Mel-frequency cepstral coefficients of LSE's protocol.

Source: Davis & Mermelstein 1980, in the form and with the defaults of the package python_speech_features, which the
public SyncNet code calls: windows of 25 ms every 10 ms without a taper, pre-emphasis 0.97, 512-point power spectrum, 26
triangles from 0 Hz to half the rate on the mel scale, logarithm, orthonormal cosine transform, lifter 22, and the log
energy in place of the first coefficient. The tests compare it with that package.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from cals_models.timebase import SAMPLE_RATE_HZ

WINDOW_SAMPLES, HOP_SAMPLES, FFT_SAMPLES = 400, 160, 512
NUM_TRIANGLES, NUM_COEFFICIENTS, LIFTER = 26, 13, 22
PRE_EMPHASIS = 0.97

Doubles = npt.NDArray[np.float64]


def cepstral_coefficients(audio: npt.NDArray[np.int16]) -> Doubles:
    """Cepstral coefficients of audio.

    Args:
        audio: int16 (samples,), 16 kHz mono; at least one sample.

    Returns:
        float64 (frames, 13), 100 frames a second; the last one is padded with zeros.
    """
    samples = audio.astype(np.float64)
    emphasised = np.concatenate([samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1]])
    count = 1 + max(0, -(-(len(samples) - WINDOW_SAMPLES) // HOP_SAMPLES))
    padded = np.zeros((count - 1) * HOP_SAMPLES + WINDOW_SAMPLES)
    padded[: len(emphasised)] = emphasised[: len(padded)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    power = np.abs(np.fft.rfft(windows, FFT_SAMPLES)) ** 2 / FFT_SAMPLES
    cepstrum = np.log(_above_zero(power @ _triangles().T)) @ _cosines().T
    cepstrum[:, 0] = np.log(_above_zero(power.sum(axis=1)))
    return cepstrum


def _above_zero(values: Doubles) -> Doubles:
    return np.where(values == 0, np.finfo(np.float64).eps, values)


@cache
def _triangles() -> Doubles:
    """(26, 257): weight of each frequency in each band."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    mels = np.linspace(0, highest, NUM_TRIANGLES + 2)
    edges = np.floor((FFT_SAMPLES + 1) * 700 * (10 ** (mels / 2595) - 1) / SAMPLE_RATE_HZ)
    bins = np.arange(FFT_SAMPLES // 2 + 1)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((bins >= low) & (bins < peak), (bins - low) / (peak - low), 0.0)
        falling = np.where((bins >= peak) & (bins < high), (high - bins) / (high - peak), 0.0)
    return rising + falling


@cache
def _cosines() -> Doubles:
    """(13, 26): orthonormal cosine transform (type II) with the lifter; the first row is replaced by the energy."""
    order = np.arange(NUM_COEFFICIENTS)[:, None]
    waves = np.cos(np.pi * order * (2 * np.arange(NUM_TRIANGLES) + 1) / (2 * NUM_TRIANGLES))
    scale = np.where(order == 0, np.sqrt(1 / NUM_TRIANGLES), np.sqrt(2 / NUM_TRIANGLES))
    return waves * scale * (1 + LIFTER / 2 * np.sin(np.pi * order / LIFTER))
