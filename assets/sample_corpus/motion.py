"""Head motion of a talking person: drift, turns, blinks and small changes of light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from cals_models.timebase import FPS

Track = NDArray[np.float64]

_BLINK = (0.55, 1.0, 0.9, 0.5, 0.2)  # closure of the eyes, frame by frame


@dataclass(frozen=True)
class HeadMotion:
    """One value a video frame in each track, (T,).

    Attributes:
        shift_x, shift_y: of the head, in pixels of a 256-pixel frame.
        roll: radians.
        scale: relative.
        turn, nod: movement of the nose relative to the outline of the head, in pixels of a 256-pixel frame.
        blink: 0 open ... 1 closed.
        brightness: relative.
        light_slope: relative brightness gained from the left edge to the right edge.
    """

    shift_x: Track
    shift_y: Track
    roll: Track
    scale: Track
    turn: Track
    nod: Track
    blink: Track
    brightness: Track
    light_slope: Track


def _drift(num_frames: int, rms: float, period_s: float, rng: np.random.Generator) -> Track:
    """Smooth noise with the given root mean square over time and about the given period."""
    sigma = period_s * FPS / 4
    margin = int(4 * sigma)
    smooth = gaussian_filter1d(rng.standard_normal(num_frames + 2 * margin), sigma)[
        margin : margin + num_frames
    ]
    return np.asarray(smooth * rms * np.sqrt(2 * np.sqrt(np.pi) * sigma))


def _blinks(num_frames: int, rng: np.random.Generator) -> Track:
    closure = np.zeros(num_frames + len(_BLINK))
    frame = int(rng.exponential(2.5) * FPS)
    while frame < num_frames:
        closure[frame : frame + len(_BLINK)] = _BLINK
        frame += len(_BLINK) + int(rng.exponential(3.0) * FPS)
    return closure[:num_frames]


def head_motion(num_frames: int, amount: float, rng: np.random.Generator) -> HeadMotion:
    """Draws the motion of one clip.

    Args:
        amount: 1 is natural, 0 keeps head and light constant (the eyes still blink).
    """
    return HeadMotion(
        shift_x=amount * _drift(num_frames, 4.5, 2.0, rng),
        shift_y=amount * _drift(num_frames, 3.0, 1.6, rng),
        roll=amount * _drift(num_frames, 0.035, 1.8, rng),
        scale=1.0 + amount * _drift(num_frames, 0.018, 2.5, rng),
        turn=amount * _drift(num_frames, 2.2, 1.6, rng),
        nod=amount * _drift(num_frames, 1.5, 1.2, rng),
        blink=_blinks(num_frames, rng),
        brightness=1.0 + amount * _drift(num_frames, 0.03, 2.0, rng),
        light_slope=amount * _drift(num_frames, 0.05, 2.0, rng),
    )
