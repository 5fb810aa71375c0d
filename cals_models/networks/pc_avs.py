"""PC-AVS in a compact form: a face from an identity frame, the mouth of an audio, and the pose of another frame.

Source: PC-AVS (arXiv 2104.11116): an identity encoder gives a code and a map, a trunk that identities share gives a mouth
code and a pose code of 12 numbers, an audio encoder gives codes in the mouth's space; a generator of modulated convolutions
starts from the identity map and is given identity, mouth or audio, and pose as its style. Ours: the encoders are ResNet18's
plan without norms, on 128 px crops; the audio encoder is the sync encoder's F_a, not a ResNetSE34; with
`output_from = "identity"` the generator moves the identity frame's pixels and adds what remains, as f_phi does, and is given
the pose as the difference from the identity frame's: pixels are moved by differences.

Legend: N frames, B samples, C channels, h = H / 32, D = 512 code.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.pc_avs import PcAvsConfig
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.networks.generator import move_pixels
from cals_models.networks.modulated_conv import ModulatedConv
from cals_models.networks.residual import ConvBlock, level
from cals_models.networks.sync_encoder import AudioEncoder
from cals_models.shards.shard_format import BASE_CROP_PX

POSE_DIM = 12
"""Numbers of the pose code: too few to carry who is shown."""
STRIDE = 32
"""Crop pixels a position of the identity map."""


class FaceEncoder(nn.Module):
    """ResNet18's plan without norms: (N, 3, H, H) -> map (N, 8 width, H / 32, H / 32).

    Args:
        width: channels at 1/4 of the size.
        num_blocks: residual blocks a resolution.
    """

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBlock(3, width, kernel=7, stride=4),
            level(width, width, stride=1, num_blocks=num_blocks),
            level(width, 2 * width, stride=2, num_blocks=num_blocks),
            level(2 * width, 4 * width, stride=2, num_blocks=num_blocks),
            level(4 * width, 8 * width, stride=2, num_blocks=num_blocks),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Frames, RGB in [0, 1], to their map."""
        out: Tensor = self.layers((frames * 2 - 1).contiguous(memory_format=torch.channels_last))
        return out


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What is taken of identity frames.

    Args:
        frames: float (N, 3, H, H), RGB in [0, 1].
        code: float (N, 512).
        features: the identity map, float (N, C, h, h).
        pose: float (N, 12); zeros where poses are absolute.
    """

    frames: Tensor
    code: Tensor
    features: Tensor
    pose: Tensor

    def rows(self, rows: Tensor) -> "Identity":
        """Those of some frames, by number, repeated or not."""
        return Identity(
            frames=self.frames[rows], code=self.code[rows], features=self.features[rows], pose=self.pose[rows]
        )


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What a frame is generated from.

    Args:
        identity: of N frames.
        speech: the mouth's or the audio's code, float (N, 512).
        pose: float (N, 12), see `PcAvs.mouth_and_pose`.
    """

    identity: Identity
    speech: Tensor
    pose: Tensor

    @property
    def style(self) -> Tensor:
        """(N, 512 + 512 + 12)."""
        return torch.cat([self.identity.code, self.speech, self.pose - self.identity.pose], dim=1)


class ModulatedLevel(nn.Module):
    """Doubles the map, then modulated convolutions.

    Args:
        in_channels, out_channels: multiples of 8.
        num_blocks: modulated convolutions.
    """

    def __init__(self, in_channels: int, out_channels: int, num_blocks: int) -> None:
        super().__init__()
        widths = [in_channels, *[out_channels] * num_blocks]
        self.convs = nn.ModuleList(_modulated(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N, C, H, W), style (N, D) -> (N, C', 2H, 2W)."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        for conv in self.convs:
            x = F.leaky_relu(conv(x, style), 0.2) * 2**0.5
        return x


class FaceGenerator(nn.Module):
    """The generator.

    Args:
        config: widths, blocks, `output_from`, `finest_maps`.
    """

    def __init__(self, config: PcAvsConfig) -> None:
        super().__init__()
        widths, blocks = config.widths, config.blocks_per_level
        finest = 1 if config.finest_maps == "half" else 0
        self.start = _modulated(8 * config.encoder_width, widths[5])
        self.levels = nn.ModuleList(
            ModulatedLevel(widths[i + 1], widths[i], blocks) for i in reversed(range(finest, 5))
        )
        self.head = nn.Conv2d(widths[finest], 3 * 4**finest, 3, 1, 1)
        self.to_pixels = nn.PixelShuffle(2**finest)
        self.moves_identity = config.output_from == "identity"
        nn.init.normal_(self.head.weight, std=0.01)
        if self.moves_identity:
            self.displacement = nn.Conv2d(widths[2], 2, 3, 1, 1)
            nn.init.normal_(self.displacement.weight, std=0.01)

    def forward(self, codes: Codes) -> Tensor:
        """Generates frames.

        Args:
            codes: of N frames.

        Returns:
            float32 (N, 3, H, H), RGB in [0, 1].
        """
        style = codes.style
        x = F.leaky_relu(self.start(codes.identity.features, style), 0.2)
        for number, double in enumerate(self.levels):
            x = double(x, style)
            if self.moves_identity and number == 2:  # 1/4 of the size
                moved = move_pixels(codes.identity.frames, self.displacement(x))
        logits = self.to_pixels(self.head(x)).float()
        if self.moves_identity:
            logits = logits + torch.logit(moved, eps=0.02)
        return torch.sigmoid(logits)


class PcAvs(nn.Module):
    """Encoders and generator.

    Args:
        config: of the method.
        audio_config: of the sync encoder, whose F_a the audio encoder is built like.
        crop_px: height and width of the crops, a multiple of 32.

    Raises:
        ValueError: another crop size.
    """

    def __init__(
        self, config: PcAvsConfig, audio_config: SyncEncoderConfig, *, crop_px: int = BASE_CROP_PX
    ) -> None:
        super().__init__()
        if crop_px < STRIDE or crop_px % STRIDE:
            raise ValueError(f"crop_px {crop_px}: must be a multiple of {STRIDE}")
        self.crop_px = crop_px
        num_features = 8 * config.encoder_width * (crop_px // STRIDE) ** 2
        self.identity = FaceEncoder(config.encoder_width, config.encoder_blocks)
        self.identity_code = _code_head(num_features)
        self.trunk = FaceEncoder(config.encoder_width, config.encoder_blocks)
        self.trunk_code = nn.Sequential(
            nn.LayerNorm(num_features), nn.Linear(num_features, UNIT_DIM), nn.ReLU()
        )
        self.mouth_code = _code_head(UNIT_DIM)
        self.pose_code = nn.Linear(UNIT_DIM, POSE_DIM)
        # Faces differ little in the trunk: at the default size poses would be all alike, and the generator would ignore them.
        nn.init.normal_(self.pose_code.weight, std=0.5)
        self.audio = AudioEncoder(audio_config.audio_width, audio_config.blocks_per_level)
        self.audio_code = _code_norm()
        self.generator = FaceGenerator(config)

    def identity_of(self, frames: Tensor) -> Identity:
        """Code, map and pose of identity frames (N, 3, H, H), RGB in [0, 1]."""
        self._check("identity", frames)
        x = self.identity(frames)
        code = self.identity_code(x.flatten(1)).float()
        if self.generator.moves_identity:
            pose = self.mouth_and_pose(frames)[1]
        else:
            pose = torch.zeros(len(frames), POSE_DIM, device=frames.device)
        return Identity(frames=frames, code=code, features=x, pose=pose)

    def mouth_and_pose(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mouth code (N, 512) and pose code (N, 12) of driving frames (N, 3, H, H), RGB in [0, 1]."""
        self._check("driving", frames)
        x = self.trunk_code(self.trunk(frames).flatten(1))
        return self.mouth_code(x).float(), self.pose_code(x).float()

    def audio_of(self, mel: Tensor) -> Tensor:
        """The audio's codes.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes, two video frames longer at either end than the frames it is for.

        Returns:
            float32 (B, L - 4, 512), in the space of the mouth codes.
        """
        codes: Tensor = self.audio_code(self.audio(mel))
        return codes.float()

    def generate(self, codes: Codes) -> Tensor:
        """Generates frames, see `FaceGenerator.forward`.

        Raises:
            ValueError: the shapes do not agree.
        """
        num_frames = len(codes.identity.frames)
        for name, width in (("speech", UNIT_DIM), ("pose", POSE_DIM)):
            if tuple(getattr(codes, name).shape) != (num_frames, width):
                raise ValueError(
                    f"{name} code {tuple(getattr(codes, name).shape)}: expected {(num_frames, width)}"
                )
        out: Tensor = self.generator(codes)
        return out

    def _check(self, name: str, frames: Tensor) -> None:
        if tuple(frames.shape[1:]) != (3, self.crop_px, self.crop_px):
            raise ValueError(
                f"{name} frames {tuple(frames.shape)}: expected (N, 3, {self.crop_px}, {self.crop_px})"
            )


def _modulated(in_channels: int, out_channels: int) -> ModulatedConv:
    return ModulatedConv(in_channels, out_channels, 2 * UNIT_DIM + POSE_DIM, num_strong=POSE_DIM)


def _code_norm() -> nn.LayerNorm:
    return nn.LayerNorm(UNIT_DIM, elementwise_affine=False)


def _code_head(num_features: int) -> nn.Sequential:
    """A code whose numbers have variance 1 in each frame."""
    return nn.Sequential(nn.LayerNorm(num_features), nn.Linear(num_features, UNIT_DIM), _code_norm())
