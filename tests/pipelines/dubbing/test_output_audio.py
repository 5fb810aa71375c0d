"""The audio of a cast: the sum of its parts, sample by sample, and no louder than full scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from assets.media.limits import ProbeLimits
from pipelines.dubbing.dub_audio import DubAudio, read_audio
from pipelines.dubbing.find_speech import Span
from pipelines.dubbing.output_audio import OutputAudio, Part, summed_audio

RATE_HZ = 48_000


def write_noise(path: Path, num_samples: int, num_channels: int, amplitude: float, seed: int) -> np.ndarray:
    """Noise of 16 bits; (C, n) as it is decoded."""
    noise = np.random.default_rng(seed).uniform(-amplitude, amplitude, (num_samples, num_channels))
    stored = np.round(noise * 32768).astype(np.int16)
    soundfile.write(path, stored, RATE_HZ)
    return (stored.T / 32768).astype(np.float32)


def part(audio: DubAudio, start_s: float, end_s: float, audio_start_s: float = 0.0) -> Part:
    return Part(audio=audio, span=Span(start_s=start_s, end_s=end_s), audio_start_s=audio_start_s)


def samples_of(audio: OutputAudio, num: int) -> np.ndarray:
    return np.concatenate(list(audio.blocks(num)), axis=1)


def test_the_sum_is_exact_to_the_sample(tmp_path: Path) -> None:
    mono = write_noise(tmp_path / "mono.wav", 3 * RATE_HZ, 1, 0.4, 1)
    stereo = write_noise(tmp_path / "stereo.wav", RATE_HZ, 2, 0.4, 2)
    one, two = (read_audio(tmp_path / name, ProbeLimits()) for name in ("mono.wav", "stereo.wav"))
    parts = [part(one, 0.5, 2.75, 0.25), part(two, 1.25, 3.5), part(one, 3.0, 3.25)]
    output, gain = summed_audio(parts, 4.0)
    expected = np.zeros((2, 4 * RATE_HZ), np.float32)
    expected[:, 24_000:132_000] += mono[:, 12_000:120_000]
    expected[:, 60_000:108_000] += stereo  # its stretch is longer than the audio: silence follows
    expected[:, 144_000:156_000] += mono[:, :12_000]
    assert gain == 1 and (output.rate_hz, output.layout) == (RATE_HZ, "stereo")
    assert np.array_equal(samples_of(output, 4 * RATE_HZ), expected)
    assert samples_of(output, 1000).shape == (2, 1000)


def test_a_sum_that_would_clip_has_one_gain(tmp_path: Path) -> None:
    first = write_noise(tmp_path / "a.wav", RATE_HZ, 1, 0.9, 3)
    second = write_noise(tmp_path / "b.wav", RATE_HZ, 1, 0.9, 4)
    audios = [read_audio(tmp_path / name, ProbeLimits()) for name in ("a.wav", "b.wav")]
    output, gain = summed_audio([part(audio, 0.0, 1.0) for audio in audios], 1.5)
    peak = np.abs(first + second).max()
    assert peak > 1.5 and gain == pytest.approx(1 / peak)
    found = samples_of(output, 3 * RATE_HZ // 2)
    assert (
        np.array_equal(found[:, :RATE_HZ], (first + second) * np.float32(gain))
        and not found[:, RATE_HZ:].any()
    )
    assert np.abs(found).max() == pytest.approx(1)


def test_audios_of_different_rates_meet_at_48_khz(tmp_path: Path) -> None:
    time_s = np.arange(22_050) / 44_100
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * time_s), 44_100)
    write_noise(tmp_path / "b.wav", RATE_HZ, 1, 0.1, 5)
    audios = [read_audio(tmp_path / name, ProbeLimits()) for name in ("a.wav", "b.wav")]
    output, _ = summed_audio([part(audios[0], 0.0, 0.5), part(audios[1], 1.0, 2.0)], 2.0)
    assert output.rate_hz == RATE_HZ
    tone = samples_of(output, 2 * RATE_HZ)[0, :20_000]
    assert np.abs(tone - 0.5 * np.sin(2 * np.pi * 440 * np.arange(20_000) / RATE_HZ))[100:].max() < 2e-3
