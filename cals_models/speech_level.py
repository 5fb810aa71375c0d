"""The level of speech in a mel, and the same mel at another level: a dub's audio is brought to the training's level.

A network trained on soft recordings alone opens the mouth too far on loud ones.
"""

import math

import torch
from torch import Tensor

from cals_models.mel_windows import SILENCE

PAUSE_SHARE = 0.05
"""Mel frames below this share of the loudest one are pauses."""
NO_SPEECH = -4.5
"""A mel below this level holds no speech, only noise."""
MAX_GAIN = 1.0
"""Largest change of level, up or down, log10: 20 dB."""
WINDOW_MELS, WINDOW_STEP_MELS = 300, 10
"""Windows in which the level is taken where it changes with time: 3 s, about a clip of the training, every 0.1 s."""
LEAST_SPOKEN_MELS = 50
"""A window with less speech than 0.5 s has no level of its own."""


def speech_level(mel: Tensor) -> float:
    """Level of the speech in a mel: log10 of the 90th percentile over time, without pauses, of its mean magnitude.

    A gain of g on the audio adds log10(g); the length of pauses changes nothing.

    Args:
        mel: float (80, 4T), log10 magnitudes.

    Returns:
        log10 magnitude, at least -5.
    """
    loudness = torch.pow(10, mel.float()).mean(dim=0)
    spoken = loudness[loudness >= PAUSE_SHARE * loudness.max()]
    return float(torch.log10(torch.quantile(spoken, 0.9)))


def at_level(mel: Tensor, level: float) -> Tensor:
    """A mel as if its audio had been recorded at a level.

    Values at the floor stay there; a mel without speech is returned as it is.

    Args:
        mel: float (80, 4T), log10 magnitudes.
        level: see `speech_level`; the change is at most `MAX_GAIN`.

    Returns:
        (80, 4T), the mel's dtype.
    """
    own = speech_level(mel)
    if own < NO_SPEECH:
        return mel
    gain = min(max(level - own, -MAX_GAIN), MAX_GAIN)
    return torch.where(mel > SILENCE, mel + gain, mel).clamp_min(SILENCE)


def at_level_throughout(mel: Tensor, level: float) -> Tensor:
    """A mel as if all its speech had been recorded at a level, also where soft speech follows loud.

    The level is taken in windows of 3 s. Where two levels meet, each moment has the level of the window around it whose
    speech is the most even, so that the change stays where it is in the audio.

    Args:
        mel: float (80, 4T), log10 magnitudes.
        level: see `speech_level`; the change is at most `MAX_GAIN` at each moment.

    Returns:
        (80, 4T), the mel's dtype; without a window of speech, see `at_level`.
    """
    loudness = torch.log10(torch.pow(10, mel.float()).mean(dim=0))
    length = len(loudness)
    evenest = torch.full((length,), float("inf"))
    own = torch.zeros(length)
    for start in range(0, max(length - WINDOW_MELS, 0) + WINDOW_STEP_MELS, WINDOW_STEP_MELS):
        start = max(min(start, length - WINDOW_MELS), 0)
        window = loudness[start : start + WINDOW_MELS]
        spoken = window[(window >= window.max() + math.log10(PAUSE_SHARE)) & (window >= NO_SPEECH)]
        if len(spoken) < LEAST_SPOKEN_MELS:
            continue
        low, high = torch.quantile(spoken, torch.tensor([0.1, 0.9])).tolist()
        better = evenest[start : start + WINDOW_MELS] > high - low
        evenest[start : start + WINDOW_MELS][better] = high - low
        own[start : start + WINDOW_MELS][better] = high
    known = evenest.isfinite()
    if not known.any():
        return at_level(mel, level)
    gain = (level - own).clamp(-MAX_GAIN, MAX_GAIN)[_nearest_true(known)]
    return torch.where(mel > SILENCE, mel + gain.to(mel.dtype), mel).clamp_min(SILENCE)


def _nearest_true(known: Tensor) -> Tensor:
    """For each place of a mask the number of the nearest place that is True."""
    at = torch.arange(len(known))
    places = at[known]
    after = torch.searchsorted(places, at).clamp(max=len(places) - 1)
    before = (after - 1).clamp(min=0)
    is_nearer = (at - places[before]).abs() <= (places[after] - at).abs()
    return torch.where(is_nearer, places[before], places[after])
