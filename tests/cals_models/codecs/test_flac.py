"""The numpy decoder of FLAC: the encoded samples for every kind of subframe, and one line for bad files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from cals_models.codecs.flac import FlacError, decode_flac

RATE_HZ = 16_000


def encoded(samples: np.ndarray, *, level: float = 0.5, channels: int = 1) -> bytes:
    file = io.BytesIO()
    stacked = np.stack([samples] * channels, axis=1) if channels > 1 else samples
    soundfile.write(file, stacked, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=level)
    return file.getvalue()


def signals() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    time = np.arange(9_600) / RATE_HZ
    speech = 6_000 * np.sin(2 * np.pi * 140 * time) * np.sin(2 * np.pi * 3 * time) + rng.normal(
        0, 200, len(time)
    )
    return {
        "like speech": speech.astype(np.int16),
        "noise": rng.integers(-32_768, 32_768, 5_000).astype(np.int16),
        "silence": np.zeros(7_000, np.int16),
        "ramp": (np.arange(6_000) * 5 - 15_000).astype(np.int16),
        "with zeros below": (rng.integers(-500, 500, 5_000) * 16).astype(np.int16),
        "short": np.array([1, -2, 3], np.int16),
        "loudest": np.tile(np.array([32_767, -32_768], np.int16), 3_000),
    }


@pytest.mark.parametrize("name", signals())
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_decoding_returns_the_encoded_samples(name: str, level: float) -> None:
    samples, rate = decode_flac(memoryview(encoded(signals()[name], level=level)))
    assert rate == RATE_HZ and samples.dtype == np.int16
    assert np.array_equal(samples, signals()[name])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: b"RIFF" + file[4:], "does not begin as a FLAC"),
        (lambda file: file[: len(file) // 2], "ends after"),
        (lambda file: encoded(signals()["ramp"], channels=2), "1 channel of 16 bits"),
    ],
)
def test_files_that_cannot_be_read_are_named(change: object, says: str) -> None:
    with pytest.raises(FlacError, match=says):
        decode_flac(change(encoded(signals()["like speech"])))  # type: ignore[operator]
