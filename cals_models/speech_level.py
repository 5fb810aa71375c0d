"""How loud speech is in a mel, and the same mel at another level: a dub hears a sound as loud as its training's were.

A network that has heard quiet recordings alone takes a loud one for a mouth that opens further than any.
"""

import torch
from torch import Tensor

from cals_models.mel_windows import SILENCE

PAUSE_SHARE = 0.05
"""What is quieter than this share of the loudest moments is a pause."""
NO_SPEECH = -4.5
"""A level below which there is nothing but hiss."""
MAX_GAIN = 1.0
"""The largest change of level, both ways: 20 dB."""


def speech_level(mel: Tensor) -> float:
    """How loud a mel is where somebody speaks: log10 of the 90th percentile over time of its mean magnitude.

    A gain of g on the sound adds log10(g); pauses, however long, change nothing.

    Args:
        mel: (80, 4T), log10 magnitudes.
    """
    loudness = torch.pow(10, mel.float()).mean(dim=0)
    spoken = loudness[loudness >= PAUSE_SHARE * loudness.max()]
    return float(torch.log10(torch.quantile(spoken, 0.9)))


def at_level(mel: Tensor, level: float) -> Tensor:
    """The mel (80, 4T) as if the sound had been recorded at a level.

    What lies at the floor stays there; a sound without speech stays as it is.

    Args:
        mel: log10 magnitudes.
        level: see `speech_level`; the change is no larger than `MAX_GAIN`.
    """
    own = speech_level(mel)
    if own < NO_SPEECH:
        return mel
    gain = min(max(level - own, -MAX_GAIN), MAX_GAIN)
    return torch.where(mel > SILENCE, mel + gain, mel).clamp_min(SILENCE)
