"""Keypoints with Jacobians, found in a face crop without labels, and the local motion between two sets of them.

Source: First Order Motion Model (Siarohin et al., NeurIPS 2019), which Audio2Head (IJCAI 2021) animates with. Ours: each
keypoint is drawn towards a place of the aligned face, so that a short training need not find ten different ones, and the
Jacobians stay near the identity (0.4 at most from it), so that all of them have an inverse.

Legend: N frames, K = 10 keypoints, H = W crop size, h = w = 32.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.networks.residual import ConvBlock, he_start

NUM_KEYPOINTS = 10
DETECTOR_PX = 64
MAP_PX = 32
SHARPNESS = 10.0
MAX_STRETCH = 0.4
PRIOR_SIGMA = 0.35

_PLACES = (
    (-0.18, 0.5), (0.18, 0.5), (0.0, 0.42), (0.0, 0.6), (0.0, 0.85),  # corners of the mouth, lips, chin
    (-0.48, 0.55), (0.48, 0.55), (0.0, 0.15), (-0.27, -0.12), (0.27, -0.12),  # jaw, nose, eyes
)  # fmt: skip


class Keypoints(NamedTuple):
    """Keypoints of some frames.

    Args:
        points: float32 (..., K, 2), (x, y) from -1 (left, upper edge) to 1.
        jacobians: float32 (..., K, 2, 2), of the frame's local motion from an abstract reference.
    """

    points: Tensor
    jacobians: Tensor

    def flat(self) -> Tensor:
        """All numbers as (..., K, 6)."""
        return torch.cat([self.points, self.jacobians.flatten(-2)], dim=-1)

    @classmethod
    def from_flat(cls, numbers: Tensor) -> "Keypoints":
        """What `flat` returned."""
        return cls(numbers[..., :2], numbers[..., 2:].reshape(*numbers.shape[:-1], 2, 2))


class KeypointDetector(nn.Module):
    """A small hourglass over frames of 64 px, with heat maps of 32 px.

    Args:
        widths: channels at 32, 16 and 8 px.
    """

    prior: Tensor

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.front = ConvBlock(3, widths[0], kernel=5, stride=2)
        self.hourglass = Hourglass(widths[0], widths)
        self.head = nn.Conv2d(widths[0], 5 * NUM_KEYPOINTS, 5, 1, 2)
        nn.init.normal_(self.head.weight, std=0.005)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        places = torch.tensor(_PLACES)[:, None, None]
        distances = (pixel_grid(MAP_PX, MAP_PX) - places).square().sum(-1)
        self.register_buffer("prior", -distances / (2 * PRIOR_SIGMA**2), persistent=False)

    def forward(self, frames: Tensor) -> Keypoints:
        """Finds the keypoints.

        Args:
            frames: float (N, 3, H, W), RGB in [0, 1], square.

        Raises:
            ValueError: another shape.
        """
        if frames.ndim != 4 or frames.shape[1] != 3 or frames.shape[2] != frames.shape[3]:
            raise ValueError(f"frames {tuple(frames.shape)}: expected (N, 3, H, W) with H = W")
        small = F.adaptive_avg_pool2d(frames.float(), DETECTOR_PX) * 2 - 1
        features = self.hourglass(self.front(small.contiguous(memory_format=torch.channels_last)))
        with torch.autocast(frames.device.type, enabled=False):  # half precision would move the points
            maps = self.head(features.float())
            logits, stretches = maps[:, :NUM_KEYPOINTS], maps[:, NUM_KEYPOINTS:]
            heat = heat_maps(SHARPNESS * logits + self.prior)
            points = (heat[..., None] * pixel_grid(*heat.shape[2:]).to(heat)).sum((2, 3))
            mean = (heat[:, :, None] * stretches.view(len(maps), NUM_KEYPOINTS, 4, MAP_PX, MAP_PX)).sum(
                (3, 4)
            )
            return Keypoints(points, near_identity(mean))


class Hourglass(nn.Module):
    """Convolutions down to small maps and back, with the larger maps beside.

    Args:
        in_channels: of the input.
        widths: channels at each size, the largest map first.
    """

    def __init__(self, in_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = _block(in_channels, widths[0])
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(_block(fine, coarse) for fine, coarse in pairs)
        self.up = nn.ModuleList(_block(fine + coarse, fine) for fine, coarse in reversed(pairs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, widths[0], H, W)."""
        skips = [self.stem(x)]
        for block in self.down:
            skips.append(block(F.avg_pool2d(skips[-1], 2)))
        x = skips.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skips.pop()], dim=1))
        return x


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
    return nn.Sequential(he_start(conv), nn.GroupNorm(8, out_channels), nn.ReLU())


def pixel_grid(height: int, width: int) -> Tensor:
    """Centres of the pixels of a map, float32 (height, width, 2), (x, y) in (-1, 1)."""
    rows = (torch.arange(height) + 0.5) * 2 / height - 1
    columns = (torch.arange(width) + 0.5) * 2 / width - 1
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)


def heat_maps(logits: Tensor) -> Tensor:
    """Maps (..., h, w) as shares that sum to 1 over each map."""
    return logits.flatten(-2).softmax(-1).view_as(logits)


def near_identity(numbers: Tensor) -> Tensor:
    """Matrices (..., 2, 2) within 0.4 of the identity in each entry, from any numbers (..., 4); their determinant is at least 0.2."""
    identity = torch.eye(2, device=numbers.device)
    change: Tensor = MAX_STRETCH * torch.tanh(numbers)
    return identity + change.view(*numbers.shape[:-1], 2, 2)


def inverse_2x2(matrices: Tensor) -> Tensor:
    """Inverses of matrices (..., 2, 2)."""
    (a, b), (c, d) = (row.unbind(-1) for row in matrices.unbind(-2))
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return adjugate / (a * d - b * c)[..., None, None]


def local_motions(source: Keypoints, driving: Keypoints, height: int, width: int) -> Tensor:
    """Where each place of the driving frame lies in the source frame, by each keypoint: p_s + J_s J_d^-1 (z - p_d).

    Args:
        source, driving: of N frames.
        height, width: of the map of places z.

    Returns:
        float32 (N, K, height, width, 2), (x, y) from -1 to 1.
    """
    places = pixel_grid(height, width).to(driving.points)
    offsets = places - driving.points[:, :, None, None]  # (N, K, h, w, 2)
    turn = source.jacobians @ inverse_2x2(driving.jacobians)
    moved = torch.einsum("nkij,nkhwj->nkhwi", turn, offsets)
    return source.points[:, :, None, None] + moved


def gaussians(points: Tensor, height: int, width: int, sigma: float) -> Tensor:
    """A bell of height 1 at each point (..., 2): (..., height, width)."""
    distances = (pixel_grid(height, width).to(points) - points[..., None, None, :]).square().sum(-1)
    return torch.exp(-distances / (2 * sigma**2))
