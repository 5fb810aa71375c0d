"""Convolution blocks that the encoders share, without norms.

A norm over one sample would remove the loudness of a window and the width of a mouth, which the units must represent; a
norm over the batch depends on its size and on the number of processes. Instead the weights start with the right variance
(He et al., arXiv 1502.01852) and every residual branch starts at zero (SkipInit, arXiv 2002.10444).

Legend: N windows or frames, C channels, H, W.
"""

import torch
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution, ReLU.

    Args:
        in_channels, out_channels: of the convolution.
        kernel, stride: of the convolution; padding keeps the size at stride 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel: int = 3, stride: int | tuple[int, int] = 1
    ) -> None:
        super().__init__()
        self.conv = he_start(nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        out: Tensor = self.activation(self.conv(x))
        return out


class ResidualBlock(nn.Module):
    """Two convolutions beside the identity, their sum scaled by a learned number that starts at 0.

    Args:
        channels: of both.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = he_start(nn.Conv2d(channels, channels, 3, 1, 1))
        self.gain = nn.Parameter(torch.zeros(1))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        out: Tensor = self.activation(x + self.gain * self.second(self.first(x)))
        return out


def level(
    in_channels: int, out_channels: int, *, stride: int | tuple[int, int], num_blocks: int
) -> nn.Sequential:
    """A strided convolution, then residual blocks: (N, C, H, W) -> (N, C', H / stride, W / stride)."""
    return nn.Sequential(
        ConvBlock(in_channels, out_channels, stride=stride),
        *[ResidualBlock(out_channels) for _ in range(num_blocks)],
    )


def mel_window_levels(width: int, num_blocks: int) -> nn.Sequential:
    """Convolutions over the mel of a 5-frame window: (N, 1, 80, 20) -> (N, 8 width, 5, 5).

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
    """
    return nn.Sequential(
        ConvBlock(1, width, kernel=5, stride=(2, 2)),
        level(width, 2 * width, stride=(2, 1), num_blocks=num_blocks),
        level(2 * width, 4 * width, stride=(2, 2), num_blocks=num_blocks),
        level(4 * width, 8 * width, stride=(2, 1), num_blocks=num_blocks),
    )


def he_start(conv: nn.Conv2d) -> nn.Conv2d:
    """Initialises a convolution so that convolution and ReLU keep the variance of their input. Returns the same layer."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
