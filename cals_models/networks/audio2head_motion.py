"""From a frame to its head pose, from audio to head poses, and from audio and head poses to keypoints.

Source: Audio2Head (Wang et al., IJCAI 2021): an LSTM over audio and image gives six numbers of pose a frame; audio, small
image and drawn pose box pass a 3-D hourglass over a window of frames, which gives keypoints and Jacobians. Ours: both
predict the change from the image, whose pose, box and keypoints they are given too; mels in place of cepstra and pitch; the
pose of a frame is read by a network from its upper half, so that it can't hold anything of the mouth.

Legend: B windows, L frames of a window, K = 10 keypoints, A audio channels, W hourglass channels, h = w = 16.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.mel_windows import check_mel, normalize_mel
from cals_models.networks.audio2head_keypoints import (
    MAX_STRETCH,
    NUM_KEYPOINTS,
    Keypoints,
    gaussians,
    heat_maps,
    pixel_grid,
)
from cals_models.networks.audio2head_pose import POSE_DIMS, draw_boxes
from cals_models.networks.residual import ConvBlock
from cals_models.shards.shard_format import NUM_MELS
from cals_models.timebase import MELS_PER_FRAME

QUARTER_PX = 32
"""Side of the small image and of the drawn boxes: a quarter of a crop of 128 px."""
UPPER_PX = 32
"""Rows of a frame's upper half, as the reader of poses takes them."""
USUAL_POSE = (0.0, 0.0, 0.0, 0.0, -0.12, 1.0)
REFERENCE_SIGMA = 0.2
LARGEST_STRETCH = 0.99 * MAX_STRETCH


class AudioFeatures(nn.Module):
    """Convolutions over the mel, to one vector a video frame from about a second of audio.

    Args:
        width: A.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv1d(NUM_MELS, width, 5, 1, 2), nn.ReLU(),
            nn.Conv1d(width, width, 4, 2, 1), nn.ReLU(),
            nn.Conv1d(width, width, 4, 2, 1), nn.ReLU(),
        )  # fmt: skip
        self.context = nn.ModuleList(nn.Conv1d(width, width, 5, 1, 2 * wide, wide) for wide in (1, 2, 1))

    def forward(self, mel: Tensor) -> Tensor:
        """float (B, 80, 4L), log10 magnitudes -> (B, A, L)."""
        check_mel(mel)
        x: Tensor = self.front(normalize_mel(mel))
        for conv in self.context:
            x = x + F.relu(conv(x))
        return x


class PoseReader(nn.Module):
    """The head pose that a frame's upper half shows.

    Args:
        width: channels of the last maps.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        steps = ((3, width // 4), (width // 4, width // 2), (width // 2, width), (width, width))
        self.layers = nn.Sequential(
            *[ConvBlock(before, after, stride=2) for before, after in steps], nn.Flatten()
        )
        self.hidden = nn.Linear(8 * width, width)
        self.head = nn.Linear(width, POSE_DIMS)
        nn.init.normal_(self.head.weight, std=0.001)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor(USUAL_POSE))

    def forward(self, frames: Tensor) -> Tensor:
        """Reads poses.

        Args:
            frames: float (N, 3, H, W), RGB in [0, 1]; rows from H / 2 on are ignored.

        Returns:
            float32 (N, 6), see `audio2head_pose`.
        """
        upper = F.adaptive_avg_pool2d(
            frames[..., : frames.shape[-2] // 2, :].float(), (UPPER_PX, 2 * UPPER_PX)
        )
        with torch.autocast(frames.device.type, enabled=False):
            features = self.layers((upper * 2 - 1).contiguous(memory_format=torch.channels_last))
            poses: Tensor = self.head(F.relu(self.hidden(features)))
        return poses


class PosePredictor(nn.Module):
    """Head poses from audio and one image, as the change from that image's pose.

    Args:
        config: `audio_width`, `pose_width`.
    """

    def __init__(self, config: Audio2HeadConfig) -> None:
        super().__init__()
        width = config.pose_width
        self.audio = AudioFeatures(config.audio_width)
        self.image = nn.Sequential(
            ConvBlock(3, width // 4, stride=2), ConvBlock(width // 4, width // 2, stride=2),
            ConvBlock(width // 2, width, stride=2), nn.Flatten(2),
        )  # fmt: skip
        self.lstm = nn.LSTM(config.audio_width + width + POSE_DIMS, width, num_layers=2, batch_first=True)
        self.head = nn.Linear(width, POSE_DIMS)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)

    def forward(self, mel: Tensor, image: Tensor, image_pose: Tensor) -> Tensor:
        """Predicts poses.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            image: float (B, 3, H, W), RGB in [0, 1].
            image_pose: float (B, 6), see `audio2head_pose`.

        Returns:
            float32 (B, L, 6).
        """
        audio = self.audio(mel).transpose(1, 2)
        seen = torch.cat([self.image(quarter(image)).mean(dim=2), image_pose.to(audio.dtype)], dim=1)
        states, _ = self.lstm(torch.cat([audio, seen[:, None].expand(-1, audio.shape[1], -1)], dim=2))
        change: Tensor = self.head(states).float()
        return image_pose[:, None] + change


class AudioToKeypoints(nn.Module):
    """Keypoints of every frame from audio and head pose.

    Args:
        config: `audio_width`, `hourglass_width`.
    """

    def __init__(self, config: Audio2HeadConfig) -> None:
        super().__init__()
        width = config.hourglass_width
        self.audio = AudioFeatures(config.audio_width)
        self.still = nn.Conv2d(4 + NUM_KEYPOINTS, width, 5, 2, 2)
        self.box = nn.Conv2d(1, width, 5, 2, 2)
        self.down = nn.ModuleList(
            _block(before, after) for before, after in ((width, width), (width, 2 * width), (2 * width, 2 * width))
        )  # fmt: skip
        self.up = nn.ModuleList(_block(before, after) for before, after in ((4 * width, 2 * width), (3 * width, width)))  # fmt: skip
        widths = (width, width, 2 * width, 2 * width, width)
        self.audio_to = nn.ModuleList(nn.Conv1d(config.audio_width, channels, 1) for channels in widths)
        self.head = nn.Conv3d(width, 5 * NUM_KEYPOINTS, (1, 3, 3), 1, (0, 1, 1))
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(
        self, mel: Tensor, image: Tensor, image_pose: Tensor, found: Keypoints, poses: Tensor
    ) -> Keypoints:
        """Predicts keypoints.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            image: float (B, 3, H, W), RGB in [0, 1].
            image_pose: float (B, 6).
            found: the image's keypoints, (B, K, ...).
            poses: float (B, L, 6), of the frames.

        Returns:
            Of B windows, (B, L, K, ...).

        Raises:
            ValueError: mel and poses are not of the same frames.
        """
        if mel.shape[2] != MELS_PER_FRAME * poses.shape[1]:
            raise ValueError(f"mel {tuple(mel.shape)}, poses {tuple(poses.shape)}: expected (B, 80, 4L), (B, L, 6)")  # fmt: skip
        features = self._hourglass(self._maps(image, image_pose, found, poses), self.audio(mel))
        with torch.autocast(mel.device.type, enabled=False):
            maps = self.head(features.float()).transpose(1, 2)  # (B, L, 5K, h, w)
        return _from_maps(maps, found)

    def _maps(self, image: Tensor, image_pose: Tensor, found: Keypoints, poses: Tensor) -> Tensor:
        """What is seen, and where the head is to be: (B, W, L, h, w)."""
        bells = gaussians(found.points, QUARTER_PX, QUARTER_PX, REFERENCE_SIGMA)
        seen = torch.cat([quarter(image), draw_boxes(image_pose, QUARTER_PX)[:, None], bells], dim=1)
        boxes = self.box(draw_boxes(poses, QUARTER_PX).flatten(0, 1)[:, None])
        boxes = boxes.view(*poses.shape[:2], *boxes.shape[1:]).transpose(1, 2)
        return F.relu(self.still(seen)[:, :, None] + boxes)

    def _hourglass(self, x: Tensor, audio: Tensor) -> Tensor:
        """(B, W, L, h, w) and audio (B, A, L) -> (B, W, L, h, w); space and time are halved at each level."""
        skips = []
        for number, block in enumerate(self.down):
            if number:
                x = F.avg_pool3d(x, (min(2, x.shape[2]), 2, 2), ceil_mode=True, count_include_pad=False)
            x = block(x + self._shift(number, audio, x))
            skips.append(x)
        x = skips.pop()
        for number, block in enumerate(self.up):
            skip = skips.pop()
            x = F.interpolate(x, skip.shape[2:], mode="nearest")
            x = torch.cat([x, skip], dim=1)
            x = block(x)
            x = x + self._shift(3 + number, audio, x)
        return x

    def _shift(self, number: int, audio: Tensor, x: Tensor) -> Tensor:
        """The audio's contribution to maps of x's length, the same at every place: (B, C, L', 1, 1)."""
        shift: Tensor = self.audio_to[number](F.adaptive_avg_pool1d(audio, x.shape[2]))
        return shift[..., None, None]


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv3d(in_channels, out_channels, 3, 1, 1)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(conv, nn.GroupNorm(8, out_channels), nn.ReLU())


def _from_maps(maps: Tensor, found: Keypoints) -> Keypoints:
    """Keypoints from maps (B, L, 5K, h, w) of each frame: without evidence those of the image."""
    logits, stretches = maps[:, :, :NUM_KEYPOINTS], maps[:, :, NUM_KEYPOINTS:]
    grid = pixel_grid(*maps.shape[-2:]).to(maps)
    distances = (grid - found.points[:, None, :, None, None]).square().sum(-1)
    prior = -distances / (2 * REFERENCE_SIGMA**2)
    heat, still = heat_maps(prior + logits), heat_maps(prior)
    moved = ((heat - still)[..., None] * grid).sum((-3, -2))
    mean = (heat[:, :, :, None] * stretches.reshape(*maps.shape[:2], NUM_KEYPOINTS, 4, *maps.shape[3:])).sum(
        (-2, -1)
    )
    change = mean.view(*mean.shape[:-1], 2, 2)
    identity = torch.eye(2, device=maps.device)
    stretch = (found.jacobians[:, None] + change - identity).clamp(-LARGEST_STRETCH, LARGEST_STRETCH)
    return Keypoints(found.points[:, None] + moved, identity + stretch)


def quarter(frames: Tensor) -> Tensor:
    """Frames (N, 3, H, W) at 32 px."""
    return F.adaptive_avg_pool2d(frames.float(), QUARTER_PX)
