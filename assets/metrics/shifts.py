"""Whether two videos show the same moments: values of a shifted pair would compare different moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cals_models.timebase import SAMPLE_RATE_HZ

MAX_SHIFT_FRAMES = 10
THUMBNAIL_PX = 32
CLEARLY_BETTER = 0.5
ENVELOPE_SAMPLES = SAMPLE_RATE_HZ // 100  # 10 ms
MAX_LAG_STEPS = 50
SAME_AUDIO_CORRELATION = 0.9


def frame_shift(
    frames: NDArray[np.uint8], true: NDArray[np.uint8], valid: NDArray[np.bool_] | None = None
) -> int:
    """Number of frames by which the generated ones come later than the true ones; 0 where that is not clear.

    Grey thumbnails are compared at shifts of up to 10 frames; a shift other than 0 must halve the squared error.

    Args:
        frames: uint8 (T, H, W, 3).
        true: the same shape.
        valid: bool (T,), frames that count; None for all.
    """
    generated, wanted = _thumbnails(frames), _thumbnails(true)
    counts = np.ones(len(frames), np.bool_) if valid is None else valid
    reach = min(MAX_SHIFT_FRAMES, len(frames) // 2)
    errors = {}
    for shift in range(-reach, reach + 1):
        late, early = generated[max(0, shift) :], wanted[max(0, -shift) :]
        common = min(len(late), len(early))
        both = counts[max(0, shift) :][:common] & counts[max(0, -shift) :][:common]
        if both.any():
            errors[shift] = float(np.square(late[:common][both] - early[:common][both]).mean())
    if 0 not in errors:
        return 0
    best = min(errors, key=lambda shift: (errors[shift], abs(shift)))
    return best if errors[best] < CLEARLY_BETTER * errors[0] else 0


def audio_shift_ms(audio: NDArray[np.int16], true: NDArray[np.int16]) -> int | None:
    """Milliseconds by which audio comes later than the true audio, in steps of 10; None if it is other audio.

    Args:
        audio: int16 (samples,), 16 kHz mono.
        true: the same, any length.
    """
    generated, wanted = _envelope(audio), _envelope(true)
    best, best_correlation = 0, -1.0
    for lag in range(-MAX_LAG_STEPS, MAX_LAG_STEPS + 1):
        late, early = generated[max(0, lag) :], wanted[max(0, -lag) :]
        common = min(len(late), len(early))
        if common < 2 * MAX_LAG_STEPS or not (late[:common].std() and early[:common].std()):
            continue
        correlation = float(np.corrcoef(late[:common], early[:common])[0, 1])
        if correlation > best_correlation:
            best, best_correlation = lag, correlation
    return 10 * best if best_correlation >= SAME_AUDIO_CORRELATION else None


def _thumbnails(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    rows = np.linspace(0, frames.shape[1] - 1, THUMBNAIL_PX).astype(int)
    columns = np.linspace(0, frames.shape[2] - 1, THUMBNAIL_PX).astype(int)
    return np.asarray(frames[:, rows][:, :, columns].mean(axis=3), np.float64)


def _envelope(audio: NDArray[np.int16]) -> NDArray[np.float64]:
    steps = len(audio) // ENVELOPE_SAMPLES
    pieces = audio[: steps * ENVELOPE_SAMPLES].reshape(steps, ENVELOPE_SAMPLES).astype(np.float64)
    return np.asarray(np.log10(1 + np.sqrt(np.square(pieces).mean(axis=1))), np.float64)
