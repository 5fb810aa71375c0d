"""The discriminator: patches of the lower half face, real or generated.

Source: SyncTalkFace (arXiv 2211.00924) and Wav2Lip discriminate the lower half alone; the poster of CALS gives no
details. The patches are PatchGAN's (arXiv 1611.07004), with spectral norm, which keeps training stable.

At 256 px one more layer in front keeps the patches at their size in the face.

Legend: N frames, C channels, H = 64 and W = 128, or twice that.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cals_models.shards.shard_format import BASE_CROP_PX


class LowerFaceDiscriminator(nn.Module):
    """Logits of patches; above 0 means real.

    Args:
        width: channels of the first layer at 128 px; the last has 4 times as many.
        crop_px: side of the crops, 128 or 256.
    """

    def __init__(self, width: int, crop_px: int = BASE_CROP_PX) -> None:
        super().__init__()
        self.shape = (3, crop_px // 2, crop_px)
        finer = () if crop_px == BASE_CROP_PX else (width // 2,)
        channels = (3, *finer, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for in_channels, out_channels in zip(channels[:-1], channels[1:], strict=True):
            layers += [spectral_norm(nn.Conv2d(in_channels, out_channels, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1)))

    def forward(self, lower_faces: Tensor) -> Tensor:
        """Logits of the patches of frames.

        Args:
            lower_faces: float (N, 3, H, W), RGB in [0, 1].

        Returns:
            float32 (N, 1, 4, 8); above 0 means real.

        Raises:
            ValueError: another shape.
        """
        if tuple(lower_faces.shape[1:]) != self.shape:
            raise ValueError(f"lower faces {tuple(lower_faces.shape)}: expected (N, {str(self.shape)[1:]}")
        x = (lower_faces * 2 - 1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.layers(x)
        return logits.float()
