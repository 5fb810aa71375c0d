"""F_v and F_a: embeddings of five frames of the lower half face and of 0.2 s of audio in one space.

Source: CALS (arXiv 2305.19556) pretrains a visual encoder by contrastive learning between video and audio. The
architecture of F_v is SyncTalkFace's (arXiv 2211.00924): a 5x7x7 convolution over time and space, then residual 2-D
convolutions to 512. The 5x7x7 convolution has no padding in time, so it is computed as five 7x7 convolutions of each
frame, one for each place in the window, and a sum over them: the same numbers, much faster. The loss is InfoNCE, not
SyncTalkFace's binary loss: negatives are other times of the clip, and other clips.

F_v looks at 128 px whatever the size of the crops, so that it costs the same and knows both sizes: of larger crops it takes
the means of 2 x 2 pixels.

Legend: B batch, T video frames, S = T - 4 windows, H = 64 and W = 128 lower half face, M = 80 mel bins, D = 512.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.mel_windows import WINDOW_FRAMES, mel_windows, normalize_mel
from cals_models.networks.residual import level, mel_window_levels
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import MELS_PER_FRAME

LOWER_HALF_SHAPE = (3, BASE_CROP_PX // 2, BASE_CROP_PX)
"""Channels, height and width of what F_v looks at: the rows that the pose prior hides."""

LARGE_HALF_SHAPE = (3, BASE_CROP_PX, 2 * BASE_CROP_PX)


def at_encoder_size(frames: Tensor) -> Tensor:
    """Crops, or lower halves of crops, at the size at which F_v looks at them.

    Args:
        frames: float (..., 3, H, W), W = 128 or 256.

    Returns:
        (..., 3, H, 128) as given, or (..., 3, H / 2, 128), means of 2 x 2 pixels.
    """
    if frames.shape[-1] == BASE_CROP_PX:
        return frames
    reduced = F.avg_pool2d(frames.flatten(0, -4), frames.shape[-1] // BASE_CROP_PX)
    return reduced.view(*frames.shape[:-3], *reduced.shape[1:])


class LipEncoder(nn.Module):
    """F_v: lip motion units from windows of five frames.

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
        front_stride: of the first convolution, 2 or 4.
    """

    def __init__(self, width: int, num_blocks: int, front_stride: int) -> None:
        super().__init__()
        self.front = nn.Conv2d(3, WINDOW_FRAMES * width, 7, front_stride, 3)
        self.levels = nn.Sequential(
            level(width, 2 * width, stride=2, num_blocks=num_blocks),
            level(2 * width, 4 * width, stride=2, num_blocks=num_blocks),
            level(4 * width, 8 * width, stride=2, num_blocks=num_blocks),
            level(8 * width, 8 * width, stride=4 // front_stride, num_blocks=num_blocks),
        )
        self.head = nn.Sequential(nn.LayerNorm(8 * width * 2 * 4), nn.Linear(8 * width * 2 * 4, UNIT_DIM))

    def forward(self, lower_faces: Tensor) -> Tensor:
        """Units of the windows of consecutive frames.

        Args:
            lower_faces: float (B, T, 3, 64, 128), lower rows of the crops, RGB in [0, 1]; or twice as high and wide.

        Returns:
            float32 (B, T - 4, 512), of length 1: unit s belongs to frame s + 2.

        Raises:
            ValueError: another shape, or fewer than five frames.
        """
        if lower_faces.ndim != 5 or tuple(lower_faces.shape[2:]) not in (LOWER_HALF_SHAPE, LARGE_HALF_SHAPE):
            raise ValueError(f"lower faces {tuple(lower_faces.shape)}: expected (B, T, 3, 64, 128)")
        lower_faces = at_encoder_size(lower_faces)
        num_clips, num_frames = lower_faces.shape[:2]
        num_windows = num_frames - WINDOW_FRAMES + 1
        if num_windows < 1:
            raise ValueError(f"lower faces {tuple(lower_faces.shape)}: a window needs {WINDOW_FRAMES} frames")
        frames = (lower_faces.flatten(0, 1) * 2 - 1).contiguous(memory_format=torch.channels_last)
        taps = self.front(frames).unflatten(0, (num_clips, num_frames)).chunk(WINDOW_FRAMES, dim=2)
        x = torch.stack([tap[:, i : i + num_windows] for i, tap in enumerate(taps)]).sum(0)
        x = self.levels(F.relu(x).flatten(0, 1))  # (B S, C, 2, 4)
        return F.normalize(self.head(x.flatten(1)).float(), dim=-1).view(num_clips, num_windows, UNIT_DIM)


class AudioEncoder(nn.Module):
    """F_a: embeddings of audio windows, 20 mel frames each, in the space of the units.

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
    """

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.levels = mel_window_levels(width, num_blocks)
        self.head = nn.Sequential(nn.LayerNorm(8 * width * 5 * 5), nn.Linear(8 * width * 5 * 5, UNIT_DIM))

    def forward(self, mel: Tensor) -> Tensor:
        """Embeddings of the windows of a mel.

        Args:
            mel: float (B, 80, 4T), log10 magnitudes.

        Returns:
            float32 (B, T - 4, 512), of length 1: window s belongs to video frame s + 2.

        Raises:
            ValueError: another shape, or less than five video frames of audio.
        """
        windows = mel_windows(normalize_mel(mel))  # (B, S, M, 20)
        num_clips, num_windows = windows.shape[:2]
        x = windows.flatten(0, 1)[:, None].contiguous(memory_format=torch.channels_last)
        x = self.levels(x)  # (B S, C, 5, 5)
        return F.normalize(self.head(x.flatten(1)).float(), dim=-1).view(num_clips, num_windows, UNIT_DIM)


class SyncEncoder(nn.Module):
    """F_v, F_a and the temperature of their contrastive loss."""

    def __init__(self, config: SyncEncoderConfig) -> None:
        super().__init__()
        self.visual = LipEncoder(config.visual_width, config.blocks_per_level, config.visual_front_stride)
        self.audio = AudioEncoder(config.audio_width, config.blocks_per_level)
        self.log_temperature = nn.Parameter(torch.tensor(config.initial_temperature).log())

    @property
    def temperature(self) -> Tensor:
        """Of the InfoNCE softmax, at least 0.01."""
        return self.log_temperature.exp().clamp_min(0.01)

    def forward(self, lower_faces: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of the lips and the audio of the same windows.

        Args:
            lower_faces: float (B, T, 3, 64, 128), RGB in [0, 1].
            mel: float (B, 80, 4T), log10 magnitudes.

        Returns:
            Two tensors float32 (B, T - 4, 512), of length 1.

        Raises:
            ValueError: the lengths differ, or a shape is wrong.
        """
        if lower_faces.shape[:2] != (mel.shape[0], mel.shape[-1] // MELS_PER_FRAME):
            raise ValueError(
                f"lower faces {tuple(lower_faces.shape)} and mel {tuple(mel.shape)}:"
                " expected (B, T, 3, 64, 128) and (B, 80, 4T)"
            )
        return self.visual(lower_faces), self.audio(mel)
