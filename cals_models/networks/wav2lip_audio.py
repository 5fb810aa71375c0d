"""Wav2Lip's audio encoder: 0.2 s of sound around a frame straight to what conditions the generator.

Source: Wav2Lip (arXiv 2008.10010): 2-D convolutions with residuals over a mel window down to 512 numbers. There a
window is 16 mel frames of 80 a second; here 20 of 100 a second, the same 0.2 s. Each frame is heard alone: there is
no context beyond its window, which is what the baseline of Table 1 stands for.

Legend: B batch, T video frames, M = 80 mel bins.
"""

import torch
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.mel_windows import mel_windows, normalize_mel, pad_windows
from cals_models.networks.residual import ConvBlock, level


class Wav2LipAudio(nn.Module):
    """Audio encoder of the baseline.

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
    """

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.levels = nn.Sequential(
            ConvBlock(1, width, kernel=5, stride=(2, 2)),
            level(width, 2 * width, stride=(2, 1), num_blocks=num_blocks),
            level(2 * width, 4 * width, stride=(2, 2), num_blocks=num_blocks),
            level(4 * width, 8 * width, stride=(2, 1), num_blocks=num_blocks),
        )
        self.head = nn.Linear(8 * width * 5 * 5, UNIT_DIM)

    def forward(self, mel: Tensor) -> Tensor:
        """One condition a video frame.

        Args:
            mel: (B, 80, 4T), log10 magnitudes; beyond its ends is silence.

        Returns:
            (B, T, 512), float32.

        Raises:
            ValueError: another shape.
        """
        return self.from_windows(mel_windows(pad_windows(mel)))

    def from_windows(self, windows: Tensor) -> Tensor:
        """Conditions of given windows (B, S, 80, 20) -> (B, S, 512)."""
        x = normalize_mel(windows.flatten(0, 1))[:, None].contiguous(memory_format=torch.channels_last)
        x = self.levels(x)  # (B S, C, 5, 5)
        units: Tensor = self.head(x.flatten(1)).float().view(*windows.shape[:2], UNIT_DIM)
        return units
