"""How much audio around a frame matters, from LMD against the window: an estimate with its interval.

Where lips depend on phones within a reach r of a frame, with an influence that fades towards the reach (as in models
of co-articulation), what a window w < r leaves unknown falls to zero about as (1 - w / r)^q, q near 2: the influence
of what is hidden, summed over all that is hidden. So the mean curve is fitted by

    L(w) = L_inf + A max(0, 1 - w / r)^q,    A >= 0,  q in 1.5, 2, 2.5, 3,

by least squares over r and q; r is the effective context, in video frames on each side. The interval is a percentile
bootstrap over clips: each resample of clips gives a mean curve and its own fit. Errors of other origin add to LMD
roughly in squares and hide the end of the fall: r is then too small rather than too large.

Legend: N clips, W windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cals_models.metrics.resampling import direction, sign_flip_p_value
from cals_models.timebase import FPS

NUM_RESAMPLES = 1000
SEED = 20230519
REACH_STEP_FRAMES = 0.1
EXPONENTS = (1.5, 2.0, 2.5, 3.0)
LEAST_CLIPS = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EffectiveContext:
    """What the fit says of a method.

    Args:
        reach_frames: video frames of audio on each side beyond which more audio changes nothing; None where more
            audio does not lower LMD, or there are too few clips: ``detail`` says which.
        low_frames: lower end of the 95 % interval.
        high_frames: upper end; the widest window where the curve still falls there.
        gain_px: LMD of the narrowest window minus that of the widest; positive where more audio is better.
        gain_low_px: lower end of its 95 % interval.
        gain_high_px: upper end.
        num_clips: clips with a value for every window.
        detail: in words.
    """

    reach_frames: float | None
    low_frames: float | None
    high_frames: float | None
    gain_px: float | None
    gain_low_px: float | None
    gain_high_px: float | None
    num_clips: int
    detail: str

    @property
    def width_s(self) -> float | None:
        """Seconds of audio on both sides together."""
        return None if self.reach_frames is None else 2 * self.reach_frames / FPS


def curves_of(rows: Iterable[Mapping[str, Any]], method: str) -> tuple[Floats, Floats]:
    """A method's curves: windows (W,) that most clips reach, and LMD (N, W) of the clips that reach all of them."""
    by_clip: dict[str, dict[int, float]] = {}
    for row in rows:
        if row["method"] == method and row["lmd"] is not None:
            by_clip.setdefault(row["clip_id"], {})[row["window_frames"]] = row["lmd"]
    counts: dict[int, int] = {}
    for values in by_clip.values():
        for window in values:
            counts[window] = counts.get(window, 0) + 1
    windows = sorted(window for window, count in counts.items() if count * 2 >= len(by_clip))
    curves = [[values[w] for w in windows] for values in by_clip.values() if set(windows) <= set(values)]
    return np.array(windows, np.float64), np.array(curves, np.float64).reshape(len(curves), len(windows))


def effective_context(windows: Floats, curves: Floats) -> EffectiveContext:
    """Fits the effective context.

    Args:
        windows: (W,) video frames on each side, ascending, at least 4 of them.
        curves: (N, W) LMD of each clip, px.
    """
    num_clips = len(curves)
    if num_clips < LEAST_CLIPS or len(windows) < 4:
        text = f"{num_clips} clips with {len(windows)} windows; at least {LEAST_CLIPS} with 4 are needed"
        return EffectiveContext(
            reach_frames=None,
            low_frames=None,
            high_frames=None,
            gain_px=None,
            gain_low_px=None,
            gain_high_px=None,
            num_clips=num_clips,
            detail=text,
        )
    draws = np.random.default_rng(SEED).integers(0, num_clips, (NUM_RESAMPLES, num_clips))
    means = curves[draws].mean(axis=1)
    gains = means[:, 0] - means[:, -1]
    gain = float(curves[:, 0].mean() - curves[:, -1].mean())
    gain_low, gain_high = np.percentile(gains, [2.5, 97.5])
    reach: float | None = None
    low: float | None = None
    high: float | None = None
    p_value = float(sign_flip_p_value((curves[:, 0] - curves[:, -1])[:, None])[0])
    shown = direction(gain_low, gain_high, p_value)
    if shown == 1:
        reach = float(fit_reach(windows, curves.mean(axis=0)[None])[0])
        low, high = (float(end) for end in np.percentile(fit_reach(windows, means), [2.5, 97.5]))
        detail = f"{reach:.1f} frames on each side (95 % interval {low:.1f} to {high:.1f}), {2 * reach / FPS:.2f} s in all"
        if high >= windows[-1]:
            detail += f"; the widest window, {windows[-1]:g} frames, does not show an end"
    else:
        detail = "too few clips to tell" if gain_low > 0 else "hearing more does not lower LMD"
    detail += f"; gain {gain:.3f} px ({gain_low:.3f} to {gain_high:.3f}), {num_clips} clips"
    return EffectiveContext(
        reach_frames=reach,
        low_frames=low,
        high_frames=high,
        gain_px=gain,
        gain_low_px=float(gain_low),
        gain_high_px=float(gain_high),
        num_clips=num_clips,
        detail=detail,
    )


def fit_reach(windows: Floats, curves: Floats) -> Floats:
    """Reach r of the best L_inf + A max(0, 1 - w / r)^q, A >= 0, for each curve.

    For a shape of mean 0 and length 1, the best A is the curve's part along it, and the squared error is least for
    the shape along which the curve has the largest part.

    Args:
        windows: (W,), ascending.
        curves: (K, W).

    Returns:
        (K,), frames; between the first step above the narrowest window and the widest window.
    """
    reaches = np.arange(windows[0] + REACH_STEP_FRAMES, windows[-1] + 1e-9, REACH_STEP_FRAMES)
    shapes = np.concatenate(
        [np.clip(1 - windows / reaches[:, None], 0, None) ** exponent for exponent in EXPONENTS]
    )
    shapes -= shapes.mean(axis=1, keepdims=True)
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    best = (curves @ shapes.T).argmax(axis=1)
    found: Floats = np.tile(reaches, len(EXPONENTS))[best]
    return found
