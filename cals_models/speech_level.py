"""The level of speech in a mel, and the same mel at another level: a dub's audio is brought to the training's level.

A network trained on soft recordings alone opens the mouth too far on loud ones.
"""

import torch
from torch import Tensor

from cals_models.mel_windows import SILENCE

PAUSE_SHARE = 0.05
"""Mel frames below this share of the loudest one are pauses."""
NO_SPEECH = -4.5
"""A mel below this level holds no speech, only noise."""
MAX_GAIN = 1.0
"""Largest change of level, up or down, log10: 20 dB."""


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
