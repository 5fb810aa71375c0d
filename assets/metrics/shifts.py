"""Whether two videos show the same moments: figures of a shifted pair would compare what does not belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_SHIFT_FRAMES = 10
THUMBNAIL_PX = 32
CLEARLY_BETTER = 0.5
ENVELOPE_SAMPLES = 160  # 10 ms at 16 kHz
MAX_LAG_STEPS = 50
SAME_SOUND_CORRELATION = 0.9


def picture_shift(
    frames: NDArray[np.uint8], true: NDArray[np.uint8], seen: NDArray[np.bool_] | None = None
) -> int:
    """Frames by which the generated pictures come later than the true ones; 0 where that is not clear.

    Small grey pictures are compared at shifts of up to 10 frames; another shift than 0 must halve the squared error.

    Args:
        frames: uint8 (T, H, W, 3).
        true: the same shape.
        seen: bool (T,), frames whose pictures count; None for all. What stands in the others may be anything.
    """
    made, wanted = _thumbnails(frames), _thumbnails(true)
    counts = np.ones(len(frames), np.bool_) if seen is None else seen
    reach = min(MAX_SHIFT_FRAMES, len(frames) // 2)
    errors = {}
    for shift in range(-reach, reach + 1):
        late, early = made[max(0, shift) :], wanted[max(0, -shift) :]
        common = min(len(late), len(early))
        both = counts[max(0, shift) :][:common] & counts[max(0, -shift) :][:common]
        if both.any():
            errors[shift] = float(np.square(late[:common][both] - early[:common][both]).mean())
    if 0 not in errors:
        return 0
    best = min(errors, key=lambda shift: (errors[shift], abs(shift)))
    return best if errors[best] < CLEARLY_BETTER * errors[0] else 0


def sound_shift_ms(sound: NDArray[np.int16], true: NDArray[np.int16]) -> int | None:
    """Milliseconds by which a sound comes later than the true one, in steps of 10; None if it is another sound.

    Args:
        sound: int16 (samples,), 16 kHz.
        true: the same, any length.
    """
    made, wanted = _envelope(sound), _envelope(true)
    best, best_correlation = 0, -1.0
    for lag in range(-MAX_LAG_STEPS, MAX_LAG_STEPS + 1):
        late, early = made[max(0, lag) :], wanted[max(0, -lag) :]
        common = min(len(late), len(early))
        if common < 2 * MAX_LAG_STEPS or not (late[:common].std() and early[:common].std()):
            continue
        correlation = float(np.corrcoef(late[:common], early[:common])[0, 1])
        if correlation > best_correlation:
            best, best_correlation = lag, correlation
    return 10 * best if best_correlation >= SAME_SOUND_CORRELATION else None


def _thumbnails(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    rows = np.linspace(0, frames.shape[1] - 1, THUMBNAIL_PX).astype(int)
    columns = np.linspace(0, frames.shape[2] - 1, THUMBNAIL_PX).astype(int)
    return np.asarray(frames[:, rows][:, :, columns].mean(axis=3), np.float64)


def _envelope(sound: NDArray[np.int16]) -> NDArray[np.float64]:
    steps = len(sound) // ENVELOPE_SAMPLES
    pieces = sound[: steps * ENVELOPE_SAMPLES].reshape(steps, ENVELOPE_SAMPLES).astype(np.float64)
    return np.asarray(np.log10(1 + np.sqrt(np.square(pieces).mean(axis=1))), np.float64)
