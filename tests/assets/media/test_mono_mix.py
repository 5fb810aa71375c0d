"""Channels become one: the sum, or the part that carries the speech."""

from __future__ import annotations

import numpy as np
import pytest

from assets.media.mono_mix import choose_mix

RATE_HZ = 16_000
TIME_S = np.arange(3 * RATE_HZ) / RATE_HZ
SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")


def speech(seed: int = 0) -> np.ndarray:
    """Noise with the level of syllables, four a second."""
    noise = np.random.default_rng(seed).normal(0, 0.1, len(TIME_S))
    return (noise * np.maximum(np.sin(2 * np.pi * 4 * TIME_S + seed), 0)).astype(np.float32)


def steady(seed: int, level: float) -> np.ndarray:
    return np.random.default_rng(100 + seed).normal(0, level, len(TIME_S)).astype(np.float32)


def time_code() -> np.ndarray:
    """A square wave whose half-waves last one or two 4800ths of a second: loud and steady."""
    bits = np.random.default_rng(7).integers(0, 2, 4 * 2400)
    halves = np.concatenate([[1, 1] if bit else [2] for bit in bits])
    signs = np.where(np.arange(len(halves)) % 2, -1.0, 1.0)
    return (0.3 * np.repeat(np.repeat(signs, halves), 3)[: len(TIME_S)]).astype(np.float32)


def level_db(mono: np.ndarray, wanted: np.ndarray) -> float:
    """How loud the wanted part is in a mix, decibels of its level alone."""
    gain = float(mono @ wanted) / float(wanted @ wanted)
    return float(20 * np.log10(abs(gain)))


@pytest.mark.parametrize(
    ("name", "left", "right", "mix", "db"),
    [
        ("equal channels", speech(), speech(), "mean", 0.0),
        ("unequal channels", speech(), 0.5 * speech(), "mean", -2.5),
        ("wide stereo", speech() + steady(1, 0.02), speech() + steady(2, 0.02), "mean", 0.0),
        ("ambience out of phase", speech() + steady(1, 0.1), speech() - steady(1, 0.1), "mean", 0.0),
        ("one side silent", speech(), 0 * speech(), "FL", 0.0),
        ("one side noise", steady(1, 0.01), speech(), "FR", 0.0),
        ("time code on one side", time_code(), speech(), "FR", 0.0),
        ("inverted", speech(), -speech(), "difference", 0.0),
        ("inverted and common noise", speech() + steady(1, 0.01), steady(1, 0.01) - speech(), "difference", 0.0),
        ("inverted and quieter", speech(), -0.8 * speech(), "difference", -0.9),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_two_channels(name: str, left: np.ndarray, right: np.ndarray, mix: str, db: float) -> None:
    channels = np.stack([left, right])
    chosen = choose_mix(channels, ("FL", "FR"), RATE_HZ)
    assert chosen.name == mix, name
    assert level_db(chosen.of(channels), speech()) == pytest.approx(db, abs=0.3)


def test_two_people_on_a_channel_each_are_both_kept() -> None:
    turns = (TIME_S < 1.4).astype(np.float32)
    channels = np.stack([speech(1) * turns, 0.8 * speech(2) * (1 - turns)])
    assert choose_mix(channels, ("FL", "FR"), RATE_HZ).name == "mean"


def test_surround() -> None:
    channels = np.stack([steady(at, 0.03) for at in range(6)])
    channels[2] = speech()
    chosen = choose_mix(channels, SURROUND, RATE_HZ)
    assert chosen.name == "FC"
    assert chosen.of(channels) is not channels
    np.testing.assert_array_equal(chosen.of(channels), speech())
    channels[:] = speech()
    chosen = choose_mix(channels, SURROUND, RATE_HZ)
    assert (chosen.name, chosen.weights[3]) == ("weighted", 0.0)
    assert chosen.weights.sum() == pytest.approx(1)
    assert chosen.weights[2] / chosen.weights[0] == pytest.approx(2**0.5)
    channels[:] = 0
    channels[3] = speech()  # a low-frequency channel is never speech
    assert choose_mix(channels, SURROUND, RATE_HZ).name == "weighted"


def test_audio_without_syllables_goes_by_its_level() -> None:
    tone = np.sin(2 * np.pi * 440 * TIME_S).astype(np.float32)
    assert choose_mix(np.stack([tone, -tone]), ("FL", "FR"), RATE_HZ).name == "difference"
    assert choose_mix(np.stack([tone, 0.2 * tone]), ("FL", "FR"), RATE_HZ).name == "mean"
    assert choose_mix(np.stack([tone[:100], 0 * tone[:100]]), ("FL", "FR"), RATE_HZ).name == "FL"
    assert choose_mix(np.zeros((2, 50), np.float32), ("FL", "FR"), RATE_HZ).name == "mean"
    assert choose_mix(tone[None], ("FC",), RATE_HZ).name == "mono"


def test_channels_without_names_are_numbered() -> None:
    channels = np.stack([0 * speech(), 0 * speech(), speech()])
    assert choose_mix(channels, ("NONE",) * 3, RATE_HZ).name == "channel 3"
    assert choose_mix(channels[1:], ("NONE",) * 2, RATE_HZ).name == "FR"
