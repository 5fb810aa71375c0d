"""f_phi: a face whose lower half shows the given units, from a reference frame and a pose prior.

Source: CALS (arXiv 2305.19556): identity input = a random reference frame of the clip, concatenated with the pose
prior (the target face, lower half masked); U-Net as in Wav2Lip (arXiv 2008.10010). The poster does not say where the
units enter: here they are added at the bottleneck and scale and shift every decoder level (FiLM, arXiv 1709.07871).

The pose prior shows the upper half of the rows. With `known_pixels = "copied"` these rows are copied into the output and only the rows
below are generated: the network is given the reference's lower half and, behind it as further channels, the upper halves
of reference and prior, upside down, so that the rows beside the seam meet. That halves the work and leaves no known pixels in
the losses. With `"generated"` the whole crop is generated, as Wav2Lip does.

With `output_from = "reference"` the network moves the reference's pixels by a displacement field, predicted at 32 px and
enlarged bilinearly, and adds a difference of logits, near 0 at the start: a short training begins with the reference's
sharpness and soon follows head and jaw. With `"scratch"` every pixel is generated from features, as Wav2Lip does.

Crops of 256 px have one more level, of half the channels of the 128-px one.

Legend: N frames, C channels, H = W = S = 128 or 256, D = 512 unit.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.lip_to_face import LipToFaceConfig
from cals_models.networks.residual import he_start
from cals_models.shards.shard_format import BASE_CROP_PX


def hide_lower_half(frames: Tensor) -> Tensor:
    """The pose prior: frames whose lower rows, S / 2 .. S - 1, are black.

    Args:
        frames: float (..., S, S).

    Returns:
        The same shape and dtype.
    """
    side = frames.shape[-2]
    shown = torch.zeros(side, 1, device=frames.device, dtype=frames.dtype)
    shown[: side // 2] = 1
    return frames * shown


class EncoderLevel(nn.Module):
    """A strided convolution that halves the map, then convolutions at that size.

    Args:
        in_channels, out_channels: multiples of 8.
        num_blocks: convolutions after the strided one.
        is_normed: whether group norm follows each of them; on the largest maps it would cost as much as they do.
    """

    def __init__(self, in_channels: int, out_channels: int, num_blocks: int, *, is_normed: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [he_start(nn.Conv2d(in_channels, out_channels, 3, 2, 1)), nn.ReLU()]
        for _ in range(num_blocks):
            layers.append(he_start(nn.Conv2d(out_channels, out_channels, 3, 1, 1)))
            if is_normed:
                layers.append(nn.GroupNorm(8, out_channels))
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H / 2, W / 2)."""
        out: Tensor = self.layers(x)
        return out


class DecoderLevel(nn.Module):
    """Doubles the map, joins the encoder's map of that size, applies FiLM by the unit, then convolutions.

    Args:
        in_channels, skip_channels, out_channels: multiples of 8.
        num_blocks: convolutions after FiLM.
        is_normed: whether group norm precedes FiLM.
    """

    def __init__(
        self, in_channels: int, skip_channels: int, out_channels: int, num_blocks: int, *, is_normed: bool
    ) -> None:
        super().__init__()
        self.join = he_start(nn.Conv2d(in_channels + skip_channels, out_channels, 3, 1, 1))
        self.norm = nn.GroupNorm(8, out_channels) if is_normed else nn.Identity()
        self.film = nn.Linear(UNIT_DIM, 2 * out_channels)
        # Almost no effect of the unit at the start, where it would only add noise to the frame.
        nn.init.normal_(self.film.weight, std=0.002)
        nn.init.zeros_(self.film.bias)
        self.blocks = nn.Sequential(
            *[
                layer
                for _ in range(num_blocks)
                for layer in (he_start(nn.Conv2d(out_channels, out_channels, 3, 1, 1)), nn.ReLU())
            ]
        )

    def forward(self, x: Tensor, skip: Tensor, unit: Tensor) -> Tensor:
        """x (N, C, h, w), skip (N, C', 2h, 2w), unit (N, D) -> (N, C'', 2h, 2w)."""
        x = torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1)
        scale, shift = self.film(unit)[..., None, None].chunk(2, dim=1)
        x = F.relu(self.norm(self.join(x)) * (1 + scale) + shift)
        out: Tensor = self.blocks(x)
        return out


class LipToFace(nn.Module):
    """f_phi.

    Args:
        config: widths, blocks, `known_pixels`, `output_from`, `finest_maps`.
        crop_px: S, side of the crops.
    """

    def __init__(self, config: LipToFaceConfig, crop_px: int = BASE_CROP_PX) -> None:
        super().__init__()
        self.crop_px = crop_px
        widths, num_blocks = widths_at(config.widths, crop_px), config.blocks_per_level
        added = len(widths) - len(config.widths)
        coarsest = len(widths) - 1
        self.copies_known_pixels = config.known_pixels == "copied"
        self.unit_norm = nn.LayerNorm(UNIT_DIM)
        finest = 1 if config.finest_maps == "half" else 0
        stride = 2**finest
        in_channels = 9 if self.copies_known_pixels else 6
        stem = nn.Conv2d(in_channels, widths[finest], 4 + stride if finest else 5, stride, 2)
        self.stem = nn.Sequential(he_start(stem), nn.ReLU())
        self.encoder = nn.ModuleList(
            EncoderLevel(widths[i], widths[i + 1], num_blocks, is_normed=i >= added + 1)
            for i in range(finest, coarsest)
        )
        self.bottleneck_rows = 2 if self.copies_known_pixels else 4
        self.bottleneck = nn.Linear(UNIT_DIM, widths[-1] * 4 * self.bottleneck_rows)
        nn.init.normal_(self.bottleneck.weight, std=0.01)
        self.decoder = nn.ModuleList(
            DecoderLevel(widths[i + 1], widths[i], widths[i], num_blocks, is_normed=i >= added + 1)
            for i in reversed(range(finest, coarsest))
        )
        self.head = nn.Conv2d(widths[finest], 3 * stride**2, 3, 1, 1)
        self.to_pixels = nn.PixelShuffle(stride)
        self.moves_reference = config.output_from == "reference"
        if self.moves_reference:
            nn.init.normal_(self.head.weight, std=0.01)
            self.displacement = nn.Conv2d(widths[added + 2], 2, 3, 1, 1)
            nn.init.normal_(self.displacement.weight, std=0.01)

    def forward(self, reference: Tensor, pose_prior: Tensor, units: Tensor) -> Tensor:
        """Generates frames.

        Args:
            reference: float (N, 3, S, S), another frame of the same face, RGB in [0, 1].
            pose_prior: float (N, 3, S, S), the target, RGB in [0, 1]; its lower half is hidden here.
            units: float (N, 512).

        Returns:
            float32 (N, 3, S, S), RGB in [0, 1].

        Raises:
            ValueError: the shapes do not agree.
        """
        _check(reference, pose_prior, units, self.crop_px)
        top = self.crop_px // 2
        prior = hide_lower_half(pose_prior)
        if not self.copies_known_pixels:
            return self._generated_rows(torch.cat([reference, prior], dim=1), reference, units)
        known = [frames[:, :, :top].flip(2) for frames in (reference, prior)]
        shown = torch.cat([reference[:, :, top:], *known], dim=1)
        generated = self._generated_rows(shown, reference, units)
        return torch.cat([prior[:, :, :top], generated], dim=2)

    def _generated_rows(self, shown: Tensor, reference: Tensor, units: Tensor) -> Tensor:
        """The crop's lowest rows, as many as `shown` (N, C, H, S) has: (N, 3, H, S)."""
        unit = self.unit_norm(units)
        x = self.stem((shown * 2 - 1).contiguous(memory_format=torch.channels_last))
        skips = [x]
        for encode in self.encoder:
            x = encode(x)
            skips.append(x)
        x = skips.pop() + self.bottleneck(unit).view(len(x), -1, self.bottleneck_rows, 4)
        for decode, skip in zip(self.decoder, reversed(skips), strict=True):
            x = decode(x, skip, unit)
            if self.moves_reference and skip.shape[3] == 32:
                moved = move_pixels(reference, self.displacement(x))
        logits = self.to_pixels(self.head(x)).float()
        if self.moves_reference:
            logits = logits + torch.logit(moved, eps=0.02)
        return torch.sigmoid(logits)


def widths_at(widths: Sequence[int], crop_px: int) -> tuple[int, ...]:
    """Channels of each level, from `crop_px` down to 4 px: above 128 px half as many as at the next smaller size.

    Args:
        widths: at 128, 64, 32, 16, 8 and 4 px.
        crop_px: side of the crops, 128 or 256.

    >>> widths_at((32, 64, 128, 256, 512, 512), 256)
    (16, 32, 64, 128, 256, 512, 512)
    """
    if crop_px == BASE_CROP_PX:
        return tuple(widths)
    return max(8, widths[0] // 16 * 8), *widths


def move_pixels(frames: Tensor, displacement: Tensor) -> Tensor:
    """Takes every pixel of a frame's lowest rows from a displaced position.

    Args:
        frames: float (N, 3, H, W).
        displacement: float (N, 2, h, w), (x, y) in units of W / w px, for the lowest H h / w rows (H = W).

    Returns:
        float32 (N, 3, H h / w, W): bilinear; beyond the border the border's value; not finite where the displacement is not.
    """
    height, width = frames.shape[2:]
    scale = width / displacement.shape[3]
    field = F.interpolate(displacement.float() * scale, scale_factor=scale, mode="bilinear")
    num_rows = field.shape[2]
    rows = torch.arange(height - num_rows, height, device=field.device, dtype=field.dtype)
    columns = torch.arange(width, device=field.device, dtype=field.dtype)
    x = (columns + field[:, 0]) * 2 / (width - 1) - 1
    y = (rows[:, None] + field[:, 1]) * 2 / (height - 1) - 1
    grid = torch.stack([x, y], dim=-1)
    # The gradient at a place that is not a number ends the process on a CPU, and the frame there would look whole.
    known = torch.nan_to_num(grid, nan=0.0, posinf=2.0, neginf=-2.0)
    moved = F.grid_sample(frames.float(), known, padding_mode="border", align_corners=True)
    return moved + (grid - known).detach().sum(-1)[:, None]


def _check(reference: Tensor, pose_prior: Tensor, units: Tensor, crop_px: int) -> None:
    expected = (len(units), 3, crop_px, crop_px)
    if tuple(reference.shape) != expected or tuple(pose_prior.shape) != expected:
        raise ValueError(
            f"reference {tuple(reference.shape)} and pose prior {tuple(pose_prior.shape)}: expected {expected}"
        )
    if units.shape[1:] != (UNIT_DIM,):
        raise ValueError(f"units {tuple(units.shape)}: expected (N, {UNIT_DIM})")
