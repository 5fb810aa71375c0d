"""A discriminator of whole crops that gives its features too.

Source: PatchGAN (arXiv 1611.07004) with spectral norm; features for feature matching as in pix2pixHD (arXiv 1711.11585).

Legend: N frames, C channels, H = W crop size.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class CropDiscriminator(nn.Module):
    """Logits of patches; above 0 means real.

    Args:
        width: channels of the first layer; the last have 4 times as many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 4 * width)
        self.layers = nn.ModuleList(
            nn.Sequential(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)), nn.LeakyReLU(0.2))
            for a, b in zip(channels[:-1], channels[1:], strict=True)
        )
        self.to_logits = spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1))

    def forward(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits and features of frames.

        Args:
            frames: float (N, 3, H, H), RGB in [0, 1]; H a multiple of 16.

        Returns:
            float32 (N, 1, H / 16, H / 16), above 0 means real; the four layers' outputs.

        Raises:
            ValueError: another shape.
        """
        if frames.ndim != 4 or frames.shape[1] != 3 or frames.shape[2] % 16 or frames.shape[3] % 16:
            raise ValueError(f"frames {tuple(frames.shape)}: expected (N, 3, H, W), H and W multiples of 16")
        x = (frames * 2 - 1).contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        logits: Tensor = self.to_logits(x)
        return logits.float(), features
