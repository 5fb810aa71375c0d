"""Animates a face crop with keypoints: dense motion, occlusion, and a renderer that moves the reference's pixels.

Source: First Order Motion Model (Siarohin et al., NeurIPS 2019). Ours: the output is the moved reference plus a difference
of logits near 0 at the start, so that a short training begins with the reference's sharpness; the renderer also sees the
features of the dense motion, from which it draws what the reference does not show, such as teeth.

Legend: N frames, K = 10 keypoints, H = W crop size (128 or 256), C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.networks.audio2head_keypoints import (
    NUM_KEYPOINTS,
    Hourglass,
    KeypointDetector,
    Keypoints,
    gaussians,
    local_motions,
    pixel_grid,
)
from cals_models.networks.residual import ConvBlock, ResidualBlock

MOTION_PX = 32
KEYPOINT_SIGMA = 0.1
_SHOWN = 4.0
"""The first logit of the occlusion: all of the reference shows."""


class DenseMotion(nn.Module):
    """Joins the local motions of the keypoints and that of a still background to one motion.

    Args:
        widths: channels at 32, 16 and 8 px.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.hourglass = Hourglass(4 * NUM_KEYPOINTS + 3, widths)
        self.head = nn.Conv2d(widths[0], NUM_KEYPOINTS + 2, 5, 1, 2)
        nn.init.normal_(self.head.weight, std=0.005)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        nn.init.constant_(self.head.bias[-1:], _SHOWN)

    def forward(self, frames: Tensor, source: Keypoints, driving: Keypoints) -> tuple[Tensor, Tensor, Tensor]:
        """Estimates the motion.

        Args:
            frames: float (N, 3, H, W), RGB in [0, 1], which the keypoints `source` belong to.
            source, driving: of N frames.

        Returns:
            Places in the source, float32 (N, 32, 32, 2) from -1 to 1; share of the source that shows, float32
            (N, 1, 32, 32); features (N, C, 32, 32).
        """
        small = F.adaptive_avg_pool2d(frames.float(), MOTION_PX)
        still = pixel_grid(MOTION_PX, MOTION_PX).to(small).expand(len(small), 1, -1, -1, -1)
        motions = torch.cat([still, local_motions(source, driving, MOTION_PX, MOTION_PX)], dim=1)
        copies = small.repeat_interleave(NUM_KEYPOINTS + 1, dim=0)
        moved = sample(copies, motions.flatten(0, 1)).view(len(small), -1, MOTION_PX, MOTION_PX)
        places = [gaussians(points, MOTION_PX, MOTION_PX, KEYPOINT_SIGMA) for points in (driving.points, source.points)]  # fmt: skip
        features = self.hourglass(torch.cat([moved, places[0] - places[1]], dim=1))
        with torch.autocast(frames.device.type, enabled=False):
            maps = self.head(features.float())
            shares = maps[:, :-1].softmax(dim=1)
            motion = (shares[..., None] * motions).sum(dim=1)
        return motion, torch.sigmoid(maps[:, -1:]), features


class Renderer(nn.Module):
    """Draws a frame from the moved reference.

    Args:
        config: widths and blocks.
        crop_px: 128 or 256; the finest maps have half of it.
    """

    def __init__(self, config: Audio2HeadConfig, crop_px: int) -> None:
        super().__init__()
        fine, coarse = config.renderer_widths
        num_halvings = (crop_px // MOTION_PX).bit_length() - 1
        widths = [fine] * (num_halvings - 1) + [coarse]
        self.encoder = nn.ModuleList(
            ConvBlock(before, after, kernel=5 if before == 3 else 3, stride=2)
            for before, after in zip([3, *widths], widths, strict=False)
        )
        self.join = ConvBlock(coarse + config.dense_motion_widths[0], coarse)
        self.blocks = nn.Sequential(*[ResidualBlock(coarse) for _ in range(config.renderer_blocks)])
        pairs = list(zip(widths[1:], widths, strict=False))
        self.decoder = nn.ModuleList(ConvBlock(below + here, here) for below, here in reversed(pairs))
        self.head = nn.Conv2d(fine, 12, 3, 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        self.to_pixels = nn.PixelShuffle(2)

    def encode(self, frames: Tensor) -> list[Tensor]:
        """Features of the reference (N, 3, H, W) at H / 2, ..., 32 px."""
        x = (frames * 2 - 1).contiguous(memory_format=torch.channels_last)
        maps = []
        for encode in self.encoder:
            x = encode(x)
            maps.append(x)
        return maps

    def forward(self, frames: Tensor, motion: Tensor, shown: Tensor, features: Tensor) -> Tensor:
        """Draws frames; see `DenseMotion.forward` for the arguments: (N, 3, H, W), float32, RGB in [0, 1]."""
        maps = [sample(x, enlarge(motion, x.shape[-1])) for x in self.encode(frames)]
        maps = [x * F.interpolate(shown, x.shape[-2:], mode="bilinear") for x in maps]
        x = self.blocks(self.join(torch.cat([maps.pop(), features.to(maps[0].dtype)], dim=1)))
        for decode in self.decoder:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = decode(torch.cat([x, maps.pop().to(x.dtype)], dim=1))
        moved = sample(frames.float(), enlarge(motion, frames.shape[-1]))
        seen = F.interpolate(shown, moved.shape[-2:], mode="bilinear")
        logits = self.to_pixels(self.head(x)).float() + seen * torch.logit(moved, eps=0.02)
        return torch.sigmoid(logits)


class Animator(nn.Module):
    """Detector, dense motion and renderer.

    Args:
        config: their widths.
        crop_px: 128 or 256.

    Raises:
        ValueError: another crop size.
    """

    def __init__(self, config: Audio2HeadConfig, crop_px: int) -> None:
        super().__init__()
        if crop_px not in (128, 256):
            raise ValueError(f"crop_px is {crop_px}; audio2head animates crops of 128 or 256 px")
        self.crop_px = crop_px
        self.detector = KeypointDetector(config.detector_widths)
        self.dense_motion = DenseMotion(config.dense_motion_widths)
        self.renderer = Renderer(config, crop_px)

    def detect(self, frames: Tensor) -> Keypoints:
        """Keypoints of frames (N, 3, H, W), RGB in [0, 1]."""
        found: Keypoints = self.detector(frames)
        return found

    def forward(self, frames: Tensor, source: Keypoints, driving: Keypoints) -> Tensor:
        """Moves frames.

        Args:
            frames: float (N, 3, H, W), RGB in [0, 1].
            source: their keypoints.
            driving: of the frames to draw.

        Returns:
            float32 (N, 3, H, W), RGB in [0, 1].

        Raises:
            ValueError: frames of another size than the animator's.
        """
        if tuple(frames.shape[1:]) != (3, self.crop_px, self.crop_px):
            raise ValueError(f"frames {tuple(frames.shape)}: expected (N, 3, {self.crop_px}, {self.crop_px})")
        drawn: Tensor = self.renderer(frames, *self.dense_motion(frames, source, driving))
        return drawn


def sample(maps: Tensor, places: Tensor) -> Tensor:
    """Takes each position of a map (N, C, h, w) from a place (N, h', w', 2), from -1 to 1; beyond the border the border's value."""
    return F.grid_sample(maps, places.to(maps.dtype), padding_mode="border", align_corners=False)


def enlarge(motion: Tensor, size: int) -> Tensor:
    """A motion (N, h, w, 2) at another size (N, size, size, 2), bilinearly.

    What is enlarged is the displacement: at the border, where places have no neighbour beyond, it stays constant.
    """
    still = pixel_grid(*motion.shape[1:3]).to(motion)
    moved = F.interpolate((motion - still).movedim(-1, 1), (size, size), mode="bilinear")
    return moved.movedim(1, -1) + pixel_grid(size, size).to(motion)
