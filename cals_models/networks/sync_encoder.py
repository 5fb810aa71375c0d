"""F_v and F_a: five frames of the lower half face and 0.2 s of sound in one space.

Source: CALS (arXiv 2305.19556) pretrains a visual encoder by contrastive learning between video and audio; the
shape of F_v is SyncTalkFace's (arXiv 2211.00924): a 5x7x7 convolution over time and space, then residual 2-D
convolutions to 512. The 5x7x7 convolution has no padding in time, so it is computed as five 7x7 convolutions of
each frame, one a place in the window, and sums over them: the same numbers, and much faster. InfoNCE instead of the sibling's binary loss: the
same clip's other times and the other clips are the negatives.

Legend: B batch, T video frames, S = T - 4 windows, H = 64 and W = 128 lower half face, M = 80 mel bins, D = 512.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.mel_windows import WINDOW_FRAMES, mel_windows, normalize_mel
from cals_models.networks.residual import ConvBlock, level

LOWER_HALF_SHAPE = (3, 64, 128)


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
            lower_faces: (B, T, 3, 64, 128), rows 64..127 of the crops, RGB in [0, 1].

        Returns:
            (B, T - 4, 512), unit length: unit s belongs to frame s + 2.

        Raises:
            ValueError: another shape, or fewer than five frames.
        """
        if lower_faces.ndim != 5 or tuple(lower_faces.shape[2:]) != LOWER_HALF_SHAPE:
            raise ValueError(f"lower faces {tuple(lower_faces.shape)}: expected (B, T, 3, 64, 128)")
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
    """F_a: the sound of a window, 20 mel frames, in the units' space.

    Args:
        width: channels of the first convolution; the last has 8 times as many.
        num_blocks: residual blocks a resolution.
    """

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.levels = nn.Sequential(
            ConvBlock(1, width, kernel=5, stride=(2, 2)),
            level(width, 2 * width, stride=(2, 1), num_blocks=num_blocks),
            level(2 * width, 4 * width, stride=(2, 2), num_blocks=num_blocks),
            level(4 * width, 8 * width, stride=(2, 1), num_blocks=num_blocks),
        )
        self.head = nn.Sequential(nn.LayerNorm(8 * width * 5 * 5), nn.Linear(8 * width * 5 * 5, UNIT_DIM))

    def forward(self, mel: Tensor) -> Tensor:
        """Embeddings of the windows of a mel.

        Args:
            mel: (B, 80, 4T), log10 magnitudes.

        Returns:
            (B, T - 4, 512), unit length: window s belongs to video frame s + 2.

        Raises:
            ValueError: another shape, or less than five video frames of sound.
        """
        windows = mel_windows(normalize_mel(mel))  # (B, S, M, 20)
        num_clips, num_windows = windows.shape[:2]
        x = windows.flatten(0, 1)[:, None].contiguous(memory_format=torch.channels_last)
        x = self.levels(x)  # (B S, C, 5, 5)
        return F.normalize(self.head(x.flatten(1)).float(), dim=-1).view(num_clips, num_windows, UNIT_DIM)


class SyncEncoder(nn.Module):
    """F_v, F_a and the temperature of their contrast."""

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
        """Units and sounds of the same windows.

        Args:
            lower_faces: (B, T, 3, 64, 128) in [0, 1].
            mel: (B, 80, 4T).

        Returns:
            Two tensors (B, T - 4, 512), unit length.

        Raises:
            ValueError: the lengths differ, or a shape is wrong.
        """
        if lower_faces.shape[:2] != (mel.shape[0], mel.shape[-1] // 4):
            raise ValueError(
                f"lower faces {tuple(lower_faces.shape)} and mel {tuple(mel.shape)}:"
                " expected (B, T, 3, 64, 128) and (B, 80, 4T)"
            )
        return self.visual(lower_faces), self.audio(mel)
