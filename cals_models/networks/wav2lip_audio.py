"""Wav2Lip's audio encoder: the 0.2 s of mel around a frame to the unit that conditions the generator.

Source: Wav2Lip (arXiv 2008.10010): 2-D convolutions with residuals over a mel window down to 512 numbers. There a
window is 16 mel frames of 80 a second; here 20 of 100 a second, the same 0.2 s. A unit has no context beyond its window,
which is what the baseline of Table 1 stands for.

Legend: B batch, T video frames, M = 80 mel bins.
"""

import torch
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.mel_windows import mel_windows, normalize_mel, pad_windows
from cals_models.networks.residual import mel_window_levels


class Wav2LipAudio(nn.Module):
    """Audio encoder of the baseline.

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
    """

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.levels = mel_window_levels(width, num_blocks)
        self.head = nn.Linear(8 * width * 5 * 5, UNIT_DIM)

    def forward(self, mel: Tensor) -> Tensor:
        """One unit a video frame.

        Args:
            mel: float (B, 80, 4T), log10 magnitudes; beyond its ends is silence.

        Returns:
            float32 (B, T, 512), not normalised.

        Raises:
            ValueError: another shape.
        """
        return self.from_windows(mel_windows(pad_windows(mel)))

    def from_windows(self, windows: Tensor) -> Tensor:
        """Units of mel windows: float (B, S, 80, 20), log10 magnitudes -> float32 (B, S, 512)."""
        x = normalize_mel(windows.flatten(0, 1))[:, None].contiguous(memory_format=torch.channels_last)
        x = self.levels(x)  # (B S, C, 5, 5)
        units: Tensor = self.head(x.flatten(1)).float().view(*windows.shape[:2], UNIT_DIM)
        return units
