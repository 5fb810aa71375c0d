"""Mel frames and video frames: four to one, and the 0.2 s of sound around a video frame.

Legend: B batch, T video frames, S windows, M = 80 mel bins.
"""

import torch.nn.functional as F
from torch import Tensor

from cals_models.shards.shard_format import NUM_MELS
from cals_models.timebase import MELS_PER_FRAME

WINDOW_FRAMES = 5
"""Video frames of a sync window, centred on its frame."""
CONTEXT_FRAMES = WINDOW_FRAMES // 2
"""Real frames that a window needs on either side."""
WINDOW_MELS = WINDOW_FRAMES * MELS_PER_FRAME
SILENCE = -5.0
"""log10 of the mels' floor, 1e-5."""


def normalize_mel(mel: Tensor) -> Tensor:
    """log10 magnitudes, about [-5, 0], to about [-1, 1]."""
    return mel * 0.4 + 1.0


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
