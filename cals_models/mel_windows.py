"""Mel frames and video frames: four to one, and the 0.2 s of sound around a video frame.

Legend: B batch, T video frames, S windows, M = 80 mel bins.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

NUM_MELS = 80
MELS_PER_FRAME = 4
WINDOW_FRAMES = 5
"""Video frames of a sync window, centred on its frame."""
CONTEXT_FRAMES = WINDOW_FRAMES // 2
"""Real frames that a window needs on either side."""
WINDOW_MELS = WINDOW_FRAMES * MELS_PER_FRAME
SILENCE = -5.0
"""log10 of the mels' floor, 1e-5."""
NO_SPEECH = -4.5
"""A level below which there is nothing but hiss."""


def normalize_mel(mel: Tensor) -> Tensor:
    """log10 magnitudes, about [-5, 0], to about [-1, 1]."""
    return mel * 0.4 + 1.0


def speech_level(mel: Tensor) -> float:
    """How loud a mel (80, 4T) is where it is loud: log10 of the 90th percentile over time of its mean magnitude.

    A gain of g on the sound adds log10(g); silence around the speech changes little.
    """
    loudness = torch.pow(10, mel.float()).mean(dim=0)
    return float(torch.log10(torch.quantile(loudness, 0.9)))


def at_level(mel: Tensor, level: float) -> Tensor:
    """The mel (80, 4T) as if the sound had been recorded at a level; one without speech stays as it is.

    Args:
        mel: log10 magnitudes.
        level: see `speech_level`.
    """
    own = speech_level(mel)
    return mel if own < NO_SPEECH else (mel + level - own).clamp_min(SILENCE)


def mel_windows(mel: Tensor) -> Tensor:
    """The sound of every 5-frame window.

    Args:
        mel: (B, 80, 4T).

    Returns:
        (B, T - 4, 80, 20): window s covers video frames s .. s + 4, so it is centred on frame s + 2.

    Raises:
        ValueError: not (B, 80, 4T), or T < 5.
    """
    check_mel(mel)
    if mel.shape[-1] < WINDOW_MELS:
        raise ValueError(f"mel {tuple(mel.shape)}: a window needs {WINDOW_MELS} mel frames")
    return mel.unfold(2, WINDOW_MELS, MELS_PER_FRAME).transpose(1, 2)


def pad_windows(mel: Tensor) -> Tensor:
    """Silence on both ends, so that every frame of a clip has a window: (B, 80, 4T) -> (B, 80, 4(T + 4))."""
    margin = CONTEXT_FRAMES * MELS_PER_FRAME
    return F.pad(mel, (margin, margin), value=SILENCE)


def check_mel(mel: Tensor) -> None:
    """Raise ValueError if a mel is not (B, 80, 4T)."""
    if mel.ndim != 3 or mel.shape[1] != NUM_MELS or mel.shape[2] % MELS_PER_FRAME:
        raise ValueError(f"mel {tuple(mel.shape)}: expected (B, 80, 4T), four mel frames a video frame")
