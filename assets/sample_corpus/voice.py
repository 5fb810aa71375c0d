"""A formant synthesiser: phones in time to 16 kHz speech.

Source and filter after Klatt (1980), "Software for a cascade/parallel formant synthesizer": a glottal flow derivative
and breath noise pass a cascade of resonators whose frequencies glide from phone to phone; frication noise passes a
resonator of its own. The audio is local: a phone affects it from about 20 ms before to 20 ms after itself,
unlike the lips, whose co-articulation reaches much farther.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import sosfilt

from assets.sample_corpus.phones import PHONES, Phone
from assets.sample_corpus.utterance import TimedPhone, Utterance
from cals_models.timebase import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

BLOCK_SAMPLES = 80  # parameters are held for 5 ms
Samples = NDArray[np.floating[Any]]
_BANDWIDTHS_HZ = (80.0, 100.0, 140.0, 250.0, 350.0)
_BURST_S = 0.014
_PEAK = 0.6


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A speaker's voice.

    Attributes:
        pitch_hz: mean fundamental frequency.
        formant_scale: 1 is the inventory's (adult male); shorter vocal tracts scale formants up.
        breathiness: share of breath noise in voiced phones.
        rate: speaking rate; 1 is the inventory's durations.
    """

    pitch_hz: float
    formant_scale: float = 1.0
    breathiness: float = 0.03
    rate: float = 1.0


@dataclass(frozen=True)
class _Controls:
    """Synthesiser parameters, one row for each block of 5 ms."""

    formants_hz: Samples  # (N, 3)
    voicing: Samples  # (N,)
    aspiration: Samples
    noise: Samples
    noise_hz: Samples
    noise_bandwidth_hz: Samples


def _amplitudes(phone: Phone, elapsed_s: Samples, left_s: Samples) -> tuple[Samples, Samples, Samples]:
    """Voicing, aspiration and noise of one phone at times within it."""
    ones = np.ones_like(elapsed_s)
    if phone.kind not in ("stop", "affricate"):
        return phone.voicing * ones, phone.aspiration * ones, phone.noise * ones
    length_s = elapsed_s + left_s
    if phone.kind == "affricate":
        open_ = elapsed_s > 0.4 * length_s
        return phone.voicing * 0.4 * ones, 0.0 * ones, phone.noise * open_
    release_s = np.maximum(0.6 * length_s, length_s - 0.045)
    burst = (elapsed_s >= release_s) & (elapsed_s < release_s + _BURST_S)
    breath = elapsed_s >= release_s + _BURST_S
    return phone.voicing * ones, phone.aspiration * breath, phone.noise * burst


def _controls(phones: tuple[TimedPhone, ...], num_blocks: int) -> _Controls:
    times_s = (np.arange(num_blocks) + 0.5) * BLOCK_SAMPLES / SAMPLE_RATE_HZ
    starts = np.array([phone.start_s for phone in phones])
    index = np.clip(np.searchsorted(starts, times_s, side="right") - 1, 0, len(phones) - 1)
    formants = np.array([PHONES[phone.label].formants_hz for phone in phones])[index]
    voicing, aspiration, noise = np.zeros(num_blocks), np.zeros(num_blocks), np.zeros(num_blocks)
    for number, timed in enumerate(phones):
        inside = index == number
        elapsed_s = times_s[inside] - timed.start_s
        left_s = timed.end_s - times_s[inside]
        voicing[inside], aspiration[inside], noise[inside] = _amplitudes(
            PHONES[timed.label], elapsed_s, left_s
        )
    return _Controls(
        # glides of about 40 ms
        formants_hz=uniform_filter1d(uniform_filter1d(formants, 5, axis=0), 5, axis=0),
        voicing=uniform_filter1d(voicing, 3),
        aspiration=uniform_filter1d(aspiration, 3),
        noise=noise,
        noise_hz=np.array([PHONES[phone.label].noise_hz for phone in phones])[index],
        noise_bandwidth_hz=np.array([PHONES[phone.label].noise_bandwidth_hz for phone in phones])[index],
    )


def _resonator(frequency_hz: float, bandwidth_hz: float) -> list[float]:
    """Second-order section with unit gain at 0 Hz (Klatt 1980)."""
    c = -np.exp(-2 * np.pi * bandwidth_hz / SAMPLE_RATE_HZ)
    b = 2 * np.exp(-np.pi * bandwidth_hz / SAMPLE_RATE_HZ) * np.cos(2 * np.pi * frequency_hz / SAMPLE_RATE_HZ)
    return [1 - b - c, 0.0, 0.0, 1.0, -b, -c]


def _band(frequency_hz: float, bandwidth_hz: float) -> list[float]:
    """Second-order band pass with about unit gain at its centre."""
    radius = np.exp(-np.pi * bandwidth_hz / SAMPLE_RATE_HZ)
    b = 2 * radius * np.cos(2 * np.pi * frequency_hz / SAMPLE_RATE_HZ)
    gain = (1 - radius**2) / 2
    return [gain, 0.0, -gain, 1.0, -b, radius**2]


def _pitch(num_samples: int, voice: Voice, rng: np.random.Generator) -> Samples:
    """Pitch in Hz: falls over the utterance, with slow movement and a little jitter."""
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    knots_s = np.arange(0.0, time_s[-1] + 0.6, 0.3)
    melody = np.interp(time_s, knots_s, rng.normal(0.0, 0.07, len(knots_s)))
    ticks_s = np.arange(0.0, time_s[-1] + 0.02, 0.01)
    jitter = np.interp(time_s, ticks_s, rng.normal(0.0, 0.008, len(ticks_s)))
    fall = 1.08 - 0.16 * time_s / time_s[-1]
    return np.asarray(voice.pitch_hz * fall * (1 + melody + jitter))


def _glottal_derivative(pitch_hz: Samples) -> Samples:
    """Derivative of Rosenberg's glottal flow (1971): opens for 40 % of a period, closes within 16 %."""
    phase = np.cumsum(pitch_hz / SAMPLE_RATE_HZ) % 1.0
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    closing = np.cos(0.5 * np.pi * np.clip((phase - 0.4) / 0.16, 0, 1))
    flow = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))
    return np.diff(flow, prepend=0.0) * 4.0


def synthesise(utterance: Utterance, voice: Voice, rng: np.random.Generator) -> NDArray[np.int16]:
    """Synthesises the utterance.

    Returns:
        (640 * num_frames,) int16 at 16 kHz; sample 0 is the start of video frame 0.
    """
    num_samples = utterance.num_frames * SAMPLES_PER_FRAME
    num_blocks = num_samples // BLOCK_SAMPLES
    controls = _controls(utterance.phones, num_blocks)
    per_sample = (np.arange(num_samples) + 0.5) / BLOCK_SAMPLES - 0.5

    def spread(values: Samples) -> Samples:
        return np.interp(per_sample, np.arange(num_blocks), values)

    noise = rng.standard_normal(num_samples)
    breath = voice.breathiness * spread(controls.voicing) + 0.5 * spread(controls.aspiration)
    source = (
        spread(controls.voicing) * _glottal_derivative(_pitch(num_samples, voice, rng)) + 0.4 * breath * noise
    )
    frication = spread(controls.noise) * rng.standard_normal(num_samples)

    tract_state, frication_state = np.zeros((5, 2)), np.zeros((1, 2))
    out = np.empty(num_samples)
    for block in range(num_blocks):
        here = slice(block * BLOCK_SAMPLES, (block + 1) * BLOCK_SAMPLES)
        frequencies = [*(controls.formants_hz[block] * voice.formant_scale), 3_500.0, 4_500.0]
        tract = np.array([_resonator(f, b) for f, b in zip(frequencies, _BANDWIDTHS_HZ, strict=True)])
        voiced, tract_state = sosfilt(tract, source[here], zi=tract_state)
        band = np.array([_band(controls.noise_hz[block], controls.noise_bandwidth_hz[block])])
        fricative, frication_state = sosfilt(band, frication[here], zi=frication_state)
        out[here] = voiced + 0.9 * fricative
    out *= _PEAK / np.abs(out).max()
    out += rng.standard_normal(num_samples) * 4e-4  # room noise
    return np.round(np.clip(out, -1, 1) * 32_767).astype(np.int16)
