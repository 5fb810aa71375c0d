"""The log-mel against a reference in plain numpy, and its timing."""

from __future__ import annotations

import io

import numpy as np
import pytest

from assets.mels.mel import log_mel
from assets.mels.preview import mel_preview
from assets.mels.settings import MelSettings

SETTINGS = MelSettings()
RATE = SETTINGS.sample_rate_hz


def slaney_hz(mel: np.ndarray) -> np.ndarray:
    """Slaney's scale: 200/3 Hz a mel below 1 kHz (15 mel), then 27 mel to a factor of 6.4."""
    return np.where(mel < 15, 200 / 3 * mel, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def slaney_mel(hz: float) -> float:
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def reference_log_mel(waveform: np.ndarray) -> np.ndarray:
    """The log-mel by definition: explicit Fourier sums, triangles of unit area in Hz, reflection at the ends."""
    size, hop = 400, 160
    num_mels = len(waveform) // hop
    padded = np.pad(waveform.astype(np.float64), size // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(size), np.arange(size // 2 + 1)) / size)
    frames = np.stack([padded[k * hop : k * hop + size] * window for k in range(num_mels)])
    magnitude = np.abs(frames @ basis)
    edges = slaney_hz(np.linspace(slaney_mel(55), slaney_mel(7600), 82))
    bins = np.arange(size // 2 + 1) * RATE / size
    bands = np.zeros((80, len(bins)))
    for band, (left, centre, right) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        rise, fall = (bins - left) / (centre - left), (right - bins) / (right - centre)
        bands[band] = np.maximum(0, np.minimum(rise, fall)) * 2 / (right - left)
    return np.log10(np.maximum(bands @ magnitude.T, 1e-5))


def test_agrees_with_a_reference_in_numpy() -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(10 * 640) / RATE
    tones = 0.3 * np.sin(2 * np.pi * 440 * time_s) + 0.1 * np.sin(2 * np.pi * 3_000 * time_s**2)
    waveform = (tones + 0.01 * rng.standard_normal(len(time_s))).astype(np.float32)
    waveform[3_000:4_500] = 0
    np.testing.assert_allclose(log_mel(waveform, SETTINGS), reference_log_mel(waveform), atol=2e-4)


@pytest.mark.parametrize("num_frames", [1, 2, 29, 75])
def test_four_mel_frames_a_video_frame(num_frames: int) -> None:
    mel = log_mel(np.zeros(640 * num_frames, np.float32), SETTINGS)
    assert mel.shape == (80, 4 * num_frames) and mel.dtype == np.float32
    assert np.all(mel == -5)


@pytest.mark.parametrize("time_s", [0.0, 0.2, 0.505, 0.988])
def test_frame_k_is_at_k_times_10_ms(time_s: float) -> None:
    waveform = np.zeros(25 * 640, np.float32)
    waveform[round(time_s * RATE)] = 1.0
    energy = (10 ** log_mel(waveform, SETTINGS)).sum(axis=0)
    assert abs(int(energy.argmax()) * 0.010 - time_s) <= 0.0051
    loud = np.flatnonzero(energy > energy.max() / 10)
    assert loud.min() * 0.010 >= time_s - 0.0125 and loud.max() * 0.010 <= time_s + 0.0125


@pytest.mark.parametrize("shape", [(0,), (639,), (641,), (2, 640)])
def test_audio_that_fits_no_video_frames_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="whole number of video frames"):
        log_mel(np.zeros(shape, np.float32), SETTINGS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_samples": 200}, "100 hops"),
        ({"f_max_hz": 9_000.0}, "8000"),
        ({"window_samples": 100}, "one hop"),
        ({"magnitude_floor": 0.0}, "above 0"),
        ({"silence_dbfs": 3.0}, "below 0"),
        ({"max_silent_share": 1.5}, "max_silent_share is 1.5"),
        ({"num_mels": 0}, "1 or more"),
    ],
)
def test_wrong_settings_say_what_would_be_right(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MelSettings(**change)  # type: ignore[arg-type]


def test_preview_shows_high_tones_above_low_ones() -> None:
    from PIL import Image

    time_s = np.arange(25 * 640) / RATE
    waveform = np.where(time_s < 0.5, np.sin(2 * np.pi * 200 * time_s), np.sin(2 * np.pi * 5_000 * time_s))
    mel = log_mel(waveform.astype(np.float32), SETTINGS).astype(np.float16)
    image = Image.open(io.BytesIO(mel_preview(mel.tobytes(), SETTINGS)))
    assert image.size == (200, 160)
    light = np.asarray(image.convert("L")).astype(int)
    assert light[:, :90].argmax(axis=0).mean() > 120 > 40 > light[:, 110:].argmax(axis=0).mean()
