"""The 0.2 s of mel around a video frame: four mel frames a video frame, windows of five video frames.

Legend: B batch, T video frames, S = T - 4 windows.
"""

import torch.nn.functional as F
from torch import Tensor

from cals_models.shards.shard_format import NUM_MELS
from cals_models.timebase import MELS_PER_FRAME

WINDOW_FRAMES = 5
"""Video frames of a sync window, centred on its frame."""
CONTEXT_FRAMES = WINDOW_FRAMES // 2
"""Video frames that a window needs on either side of its own."""
WINDOW_MELS = WINDOW_FRAMES * MELS_PER_FRAME
SILENCE = -5.0
"""The mels' floor, log10 of 1e-5."""


def normalize_mel(mel: Tensor) -> Tensor:
    """Scales a mel for the networks: 0.4 x + 1.

    Args:
        mel: float, any shape; log10 magnitudes, about [-5, 0].

    Returns:
        The same shape and dtype, about [-1, 1].
    """
    return mel * 0.4 + 1.0


def mel_windows(mel: Tensor) -> Tensor:
    """The mel of every 5-frame window.

    Args:
        mel: float (B, 80, 4T).

    Returns:
        (B, T - 4, 80, 20), a view: window s covers video frames s .. s + 4, so it is centred on frame s + 2.

    Raises:
        ValueError: not (B, 80, 4T), or T < 5.
    """
    check_mel(mel)
    if mel.shape[-1] < WINDOW_MELS:
        raise ValueError(f"mel {tuple(mel.shape)}: a window needs {WINDOW_MELS} mel frames")
    return mel.unfold(2, WINDOW_MELS, MELS_PER_FRAME).transpose(1, 2)


def pad_windows(mel: Tensor) -> Tensor:
    """Adds silence at both ends, so that every frame of a clip has a window.

    Args:
        mel: float (B, 80, 4T), log10 magnitudes.

    Returns:
        (B, 80, 4 (T + 4)), the mel's dtype.
    """
    margin = CONTEXT_FRAMES * MELS_PER_FRAME
    return F.pad(mel, (margin, margin), value=SILENCE)


def check_mel(mel: Tensor) -> None:
    """Checks a mel's shape.

    Raises:
        ValueError: it is not (B, 80, 4T).
    """
    if mel.ndim != 3 or mel.shape[1] != NUM_MELS or mel.shape[2] % MELS_PER_FRAME:
        raise ValueError(f"mel {tuple(mel.shape)}: expected (B, 80, 4T), four mel frames a video frame")
