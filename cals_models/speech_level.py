"""How loud speech is in a mel, and the same mel at another level: a dub hears a sound as loud as its training's were.

A network that has heard quiet recordings alone takes a loud one for a mouth that opens further than any.
"""

import torch
from torch import Tensor

from cals_models.mel_windows import SILENCE

NO_SPEECH = -4.5
"""A level below which there is nothing but hiss."""


def speech_level(mel: Tensor) -> float:
    """How loud a mel is where it is loud: log10 of the 90th percentile over time of its mean magnitude.

    A gain of g on the sound adds log10(g); silence around the speech changes little.

    Args:
        mel: (80, 4T), log10 magnitudes.
    """
    loudness = torch.pow(10, mel.float()).mean(dim=0)
    return float(torch.log10(torch.quantile(loudness, 0.9)))


def at_level(mel: Tensor, level: float) -> Tensor:
    """The mel (80, 4T) as if the sound had been recorded at a level; one without speech stays as it is."""
    own = speech_level(mel)
    return mel if own < NO_SPEECH else (mel + level - own).clamp_min(SILENCE)
