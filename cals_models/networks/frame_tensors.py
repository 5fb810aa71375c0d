"""Frames as shards store them and as networks take them.

Legend: H, W.
"""

import torch
from torch import Tensor


def to_float_frames(frames: Tensor) -> Tensor:
    """Frames as networks take them.

    Args:
        frames: uint8 (..., H, W, 3), RGB, 0 to 255.

    Returns:
        float32 (..., 3, H, W), RGB in [0, 1]; a view with channels last in memory.
    """
    return (frames.float() / 255).movedim(-1, -3)


def to_byte_frames(frames: Tensor) -> Tensor:
    """Frames as they are stored, rounded.

    Args:
        frames: float (..., 3, H, W), RGB in [0, 1]; values outside are clamped.

    Returns:
        uint8 (..., H, W, 3), RGB, on the CPU.
    """
    rounded = (frames.float() * 255).round().clamp(0, 255).to(torch.uint8)
    return rounded.movedim(-3, -1).contiguous().cpu()
