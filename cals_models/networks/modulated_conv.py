"""A convolution whose weights a style scales, sample by sample.

Source: weight modulation and demodulation of StyleGAN2 (arXiv 1912.04958, section 2.2). The weights of a sample are
w'_oik = s_i w_oik, divided by their norm over i and k. Scaling the input by s_i and the output by one over that norm gives
the same numbers with one convolution for the whole batch.

Legend: N frames, C channels, H, W, D style.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_FLOOR = 1e-8


class ModulatedConv(nn.Module):
    """3 x 3 convolution, modulated and demodulated.

    Args:
        in_channels, out_channels: of the convolution.
        style_dim: D.
        num_strong: so many of the style's last numbers have a stronger effect at the start, since they are few.
    """

    def __init__(self, in_channels: int, out_channels: int, style_dim: int, *, num_strong: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / math.sqrt(9 * in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.to_scales = nn.Linear(style_dim, in_channels)
        # Almost no effect of the style at the start, where it would only add noise to the frame.
        nn.init.normal_(self.to_scales.weight, std=0.005)
        nn.init.normal_(self.to_scales.weight[:, style_dim - num_strong :], std=0.1)
        nn.init.ones_(self.to_scales.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N, C, H, W), style (N, D) -> (N, C', H, W)."""
        scales = self.to_scales(style).float()  # (N, C)
        energy = self.weight.float().square().sum((2, 3))  # (C', C)
        shrink = torch.rsqrt(scales.square() @ energy.T + NORM_FLOOR)  # (N, C')
        modulated = x * scales[..., None, None].to(x.dtype)
        out = F.conv2d(modulated, self.weight.to(x.dtype), padding=1)
        return out * shrink[..., None, None].to(out.dtype) + self.bias[:, None, None].to(out.dtype)
