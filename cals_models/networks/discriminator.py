"""The discriminator: patches of the lower half face, real or generated.

Source: SyncTalkFace (arXiv 2211.00924) and Wav2Lip discriminate the lower half alone; the poster of CALS gives no
details. The patches are PatchGAN's (arXiv 1611.07004), with spectral norm, which keeps training stable.

Legend: N frames, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cals_models.networks.sync_encoder import LOWER_HALF_SHAPE


class LowerFaceDiscriminator(nn.Module):
    """Logits of patches; above 0 means real.

    Args:
        width: channels of the first layer; the last has 4 times as many.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for in_channels, out_channels in zip(channels[:-1], channels[1:], strict=True):
            layers += [spectral_norm(nn.Conv2d(in_channels, out_channels, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1)))

    def forward(self, lower_faces: Tensor) -> Tensor:
        """Logits of the patches of frames.

        Args:
            lower_faces: float (N, 3, 64, 128), RGB in [0, 1].

        Returns:
            float32 (N, 1, 4, 8); above 0 means real.

        Raises:
            ValueError: another shape.
        """
        if tuple(lower_faces.shape[1:]) != LOWER_HALF_SHAPE:
            raise ValueError(f"lower faces {tuple(lower_faces.shape)}: expected (N, 3, 64, 128)")
        x = (lower_faces * 2 - 1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.layers(x)
        return logits.float()
