"""How the channels of a file's audio become one: the sum, or the part that carries the speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Weights of the channels in the mono mix by FFmpeg's channel names, scaled to sum 1; LFE is left out.
FRONT, CENTRE, SIDE = 1.0, 1.4142135623730951, 0.7071067811865476
CHANNEL_WEIGHTS = {
    "FL": FRONT, "FR": FRONT, "FC": CENTRE, "LFE": 0.0, "LFE2": 0.0, "FLC": FRONT, "FRC": FRONT,
    "BL": SIDE, "BR": SIDE, "BC": SIDE, "SL": SIDE, "SR": SIDE, "DL": FRONT, "DR": FRONT,
}  # fmt: skip

# Another part than the sum is taken where it carries this many times its speech. A channel that is alone in carrying
# speech carries twice that of the mean of two; equal channels, or two people on a channel each, stay below.
CARRIES_MORE = 1.8
# Syllables: changes of the level at these rates. Noise, hum and time code are steady.
SYLLABLES_HZ = (2.0, 10.0)
BLOCKS_HZ = 100
# Audio without syllables (tones) is compared by its level.
LEVEL_SHARE = 0.01
# From this many seconds of a file the mix is chosen.
JUDGED_S = 600


@dataclass(frozen=True, kw_only=True)
class MonoMix:
    """Weights of the channels, and what they stand for.

    Attributes:
        name: `mono`, `mean` (of two), `weighted` (of more), `difference` (of two, one of which is inverted), or the
            name of the one channel that is taken, such as `FL` or `FC`.
        weights: (C,) float32.
    """

    name: str
    weights: NDArray[np.float32]

    def of(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mono (N,) float32 of channels (C, N)."""
        used = np.flatnonzero(self.weights)
        if len(used) == 1 and self.weights[used[0]] == 1:
            alone: NDArray[np.float32] = channels[used[0]]
            return alone
        mono: NDArray[np.float32] = self.weights @ channels
        return mono


def choose_mix(channels: NDArray[np.float32], names: tuple[str, ...], rate_hz: int) -> MonoMix:
    """Chooses the mix that carries the speech.

    Two channels are averaged; surround is weighted as in the usual stereo down-mix (centre 0 dB against front -3 dB,
    sides -6 dB), scaled so that nothing clips. Where one of two channels is inverted, their difference is taken; where
    one channel has nearly all the speech, that channel.

    Args:
        channels: (C, N) float32, -1..1.
        names: C channel names of FFmpeg, such as FL, FR, FC.
        rate_hz: sample rate.
    """
    if len(channels) == 1:
        return MonoMix(name="mono", weights=np.ones(1, np.float32))
    channels = channels[:, : JUDGED_S * rate_hz]
    if len(set(names)) < len(names):  # a layout without names
        names = ("FL", "FR") if len(names) == 2 else tuple(f"channel {at + 1}" for at in range(len(names)))
    weights = np.array([CHANNEL_WEIGHTS.get(name, FRONT) for name in names], np.float32)
    if not weights.any():
        weights[:] = 1
    mixes = [MonoMix(name="mean" if len(channels) == 2 else "weighted", weights=weights / weights.sum())]
    if len(channels) == 2:
        mixes.append(MonoMix(name="difference", weights=np.array([0.5, -0.5], np.float32)))
    alone = [
        MonoMix(name=names[at], weights=np.eye(len(names), dtype=np.float32)[at])
        for at in np.flatnonzero(weights)
    ]
    levels = {mix.name: speech_level(mix.of(channels), rate_hz) for mix in [*mixes, *alone]}
    mixes.append(max(alone, key=lambda mix: levels[mix.name]))
    best = mixes[0]
    for mix in mixes[1:]:
        if levels[mix.name] > CARRIES_MORE * levels[best.name]:
            best = mix
    return best


def speech_level(mono: NDArray[np.float32], rate_hz: int) -> float:
    """How strongly the level changes at the rate of syllables, in units of full scale; higher is more speech.

    Args:
        mono: (N,) float32.
        rate_hz: sample rate.
    """
    rms = float(np.sqrt(np.square(mono).mean())) if len(mono) else 0.0
    block = max(rate_hz // BLOCKS_HZ, 1)
    num = len(mono) // block
    if num < BLOCKS_HZ / SYLLABLES_HZ[0]:
        return rms
    # Differences of samples leave out rumble and hum.
    steps = np.diff(mono[: num * block], prepend=mono[:1]).reshape(num, block)
    envelope = np.sqrt(np.square(steps).mean(axis=1))
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean()))
    rates_hz = np.fft.rfftfreq(num, block / rate_hz)
    inside = (rates_hz >= SYLLABLES_HZ[0]) & (rates_hz <= SYLLABLES_HZ[1])
    changes = float(np.sqrt(2 * np.square(spectrum[inside]).sum())) / num
    return changes + LEVEL_SHARE * rms
