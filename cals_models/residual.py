"""Convolution blocks that the encoders share.

Norms are group norms: unlike batch norm they are the same for any batch size, number of processes and mode.
"""

from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution, group norm, ReLU.

    Args:
        in_channels, out_channels: out_channels a multiple of 8.
        kernel, stride: of the convolution; padding keeps the size at stride 1.
        is_normed: on large maps the norm costs more than the convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        is_normed: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=not is_normed)
        self.norm = nn.GroupNorm(8, out_channels) if is_normed else nn.Identity()
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        out: Tensor = self.activation(self.norm(self.conv(x)))
        return out


class ResidualBlock(nn.Module):
    """Two convolutions beside the identity.

    Args:
        channels: a multiple of 8.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.GroupNorm(8, channels)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        out: Tensor = self.activation(x + self.norm(self.second(self.first(x))))
        return out


def level(
    in_channels: int,
    out_channels: int,
    *,
    stride: int | tuple[int, int],
    num_blocks: int,
) -> nn.Sequential:
    """A strided convolution, then residual blocks."""
    return nn.Sequential(
        ConvBlock(in_channels, out_channels, stride=stride),
        *[ResidualBlock(out_channels) for _ in range(num_blocks)],
    )
