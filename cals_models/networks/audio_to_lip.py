"""f_theta: the mel of a whole clip to one contextualised lip motion unit a video frame.

Source: CALS (arXiv 2305.19556): mel frames are corrupted on masked timesteps, A~_T = r(A_T, M), and f_theta maps
them to units e~_T that are compared with F_v's units on M. The poster names no architecture: here convolutions over
time and pitch cover about 0.4 s around each video frame, and a pre-norm transformer with rotary (relative) positions
adds the context, so that a clip may be longer than any in training. The mel itself is corrupted, before any layer mixes
neighbouring frames, so nothing of a masked timestep reaches the units.

Legend: B batch, T video frames, M = 80 mel bins, C front width, D width, H heads, K = D / H.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.mel_windows import check_mel, normalize_mel
from cals_models.networks.residual import ConvBlock, level
from cals_models.shards.shard_format import NUM_MELS
from cals_models.timebase import MELS_PER_FRAME


def rotate(x: Tensor) -> Tensor:
    """Rotary positions: rotate pairs of channels by an angle that grows with time (arXiv 2104.09864).

    Args:
        x: float (B, H, T, K), K even.

    Returns:
        The same shape and dtype; the product of two rotated vectors depends on time only through their distance.
    """
    num_frames, half = x.shape[-2], x.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(num_frames, device=x.device, dtype=torch.float32)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class TransformerLayer(nn.Module):
    """Pre-norm self-attention and feed-forward.

    Args:
        width: D.
        num_heads: H.
        dropout: share of activations dropped after either part.
    """

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        """x float (B, T, D), attend bool (B, 1, 1, T), False for padding -> (B, T, D)."""
        batch, num_frames, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, num_frames, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, T, K) each
        mixed = F.scaled_dot_product_attention(rotate(q), rotate(k), v, attn_mask=attend)
        x = x + self.dropout(self.project(mixed.transpose(1, 2).reshape(batch, num_frames, width)))
        out: Tensor = x + self.dropout(self.feed(self.feed_norm(x)))
        return out


class AudioFront(nn.Module):
    """A token a video frame: 2-D convolutions like those of Wav2Lip's audio encoder, over the mel of a whole clip.

    The pitch of a phone varies with speaker and moment. Convolutions over pitch need not learn each phone at every pitch,
    for which a few minutes of speech would not suffice.

    Args:
        front_width: channels C of the first convolution; the last has 4 times as many.
        width: D.
    """

    def __init__(self, front_width: int, width: int) -> None:
        super().__init__()
        c = front_width
        self.layers = nn.Sequential(
            ConvBlock(1, c, kernel=5, stride=(2, 1)),
            level(c, 2 * c, stride=(2, 2), num_blocks=1),
            level(2 * c, 4 * c, stride=(2, 2), num_blocks=1),
            ConvBlock(4 * c, 4 * c, stride=(2, 1)),
        )
        self.project = nn.Linear(4 * c * NUM_MELS // 16, width)

    def forward(self, mel: Tensor) -> Tensor:
        """float (B, M, 4T), normalised mel -> (B, T, D)."""
        x = self.layers(mel[:, None].contiguous(memory_format=torch.channels_last))  # (B, 4C, M / 16, T)
        tokens: Tensor = self.project(x.flatten(1, 2).transpose(1, 2))
        return tokens


class AudioToLip(nn.Module):
    """f_theta.

    Args:
        config: widths, layers, heads, dropout, what masked mel frames are replaced by.
    """

    def __init__(self, config: AudioToLipConfig) -> None:
        super().__init__()
        self.mask_column = nn.Parameter(
            torch.randn(NUM_MELS) * 0.1, requires_grad=config.mask_with == "embedding"
        )
        if config.mask_with == "zero":
            self.mask_column.data.zero_()
        self.front = AudioFront(config.front_width, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(config.width, config.num_heads, config.dropout) for _ in range(config.num_layers)
        )
        to_unit = nn.Linear(config.width, UNIT_DIM)
        # Units have length 1 over 512 channels; with the default initialisation they would start much longer.
        nn.init.normal_(to_unit.weight, std=0.002)
        nn.init.zeros_(to_unit.bias)
        self.head = nn.Sequential(nn.LayerNorm(config.width), to_unit)

    def forward(self, mel: Tensor, *, mask: Tensor | None = None, num_valid: Tensor | None = None) -> Tensor:
        """Units of all video frames.

        Args:
            mel: float (B, 80, 4T), log10 magnitudes.
            mask: bool (B, T), True where the audio is masked; None masks nothing.
            num_valid: int64 (B,), video frames of each stretch, the rest is padding; None means T.

        Returns:
            float32 (B, T, 512), not normalised.

        Raises:
            ValueError: a shape is wrong.
        """
        check_mel(mel)
        batch, num_frames = mel.shape[0], mel.shape[2] // MELS_PER_FRAME
        x = normalize_mel(mel)
        if mask is not None:
            x = self._corrupt(x, mask)
        x = self.dropout(self.front(x))  # (B, T, D)
        attend = torch.ones(batch, 1, 1, num_frames, dtype=torch.bool, device=mel.device)
        if num_valid is not None:
            frames = torch.arange(num_frames, device=mel.device)
            attend = (frames < num_valid[:, None])[:, None, None]
        for layer in self.layers:
            x = layer(x, attend)
        units: Tensor = self.head(x).float()
        return units

    def _corrupt(self, x: Tensor, mask: Tensor) -> Tensor:
        if mask.shape != (x.shape[0], x.shape[2] // MELS_PER_FRAME) or mask.dtype != torch.bool:
            raise ValueError(
                f"mask {tuple(mask.shape)} {mask.dtype}: expected (B, T) bool for mel (B, 80, 4T) {tuple(x.shape)}"
            )
        hidden = mask.repeat_interleave(MELS_PER_FRAME, dim=1)[:, None]  # (B, 1, 4T)
        return torch.where(hidden, self.mask_column[:, None].to(x.dtype), x)
