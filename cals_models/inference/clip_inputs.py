"""What every method's model checks before it generates a clip.

Legend: T video frames, C side of a crop in pixels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from cals_models.shards.shard_format import NUM_MELS
from cals_models.timebase import MELS_PER_FRAME


def check_clip_inputs(
    frames: Mapping[str, Tensor],
    mel: Tensor,
    mel_valid_mask: Tensor | None,
    batch_frames: int,
    *,
    crop_px: int,
) -> None:
    """Checks what a clip is generated from.

    Args:
        frames: name -> uint8 (T, C, C, 3), RGB; the first says how many frames there are.
        mel: float (80, 4T), log10 magnitudes.
        mel_valid_mask: bool (T,), or None.
        batch_frames: frames generated at once.
        crop_px: C.

    Raises:
        ValueError: shapes or types do not agree.
    """
    num_frames = len(next(iter(frames.values())))
    expected = (num_frames, crop_px, crop_px, 3)
    for name, given in frames.items():
        if tuple(given.shape) != expected or given.dtype != torch.uint8:
            raise ValueError(f"{name} {tuple(given.shape)} {given.dtype}: expected {expected} uint8")
    if num_frames == 0 or tuple(mel.shape) != (NUM_MELS, MELS_PER_FRAME * num_frames):
        raise ValueError(
            f"mel {tuple(mel.shape)} for {num_frames} frames: expected ({NUM_MELS}, {MELS_PER_FRAME}T), four mel frames"
            " for each of at least one video frame"
        )
    if mel_valid_mask is not None and (
        tuple(mel_valid_mask.shape) != (num_frames,) or mel_valid_mask.dtype != torch.bool
    ):
        raise ValueError(
            f"mel_valid_mask {tuple(mel_valid_mask.shape)} {mel_valid_mask.dtype}: expected ({num_frames},) bool"
        )
    if batch_frames < 1:
        raise ValueError(
            f"batch_frames is {batch_frames}; give 1 or more: at least 1 frame is generated at once"
        )
