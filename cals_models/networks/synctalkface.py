"""SyncTalkFace: a memory of mouths that audio can address, and a generator that is given what it recalls.

Source: SyncTalkFace (arXiv 2211.00924). The memory has two matrices of S slots. Lip features address and fill the first;
audio features address the second, and are trained to give the address that the frame's lip features give: then audio
alone recalls the mouth. The address is softmax_s(kappa cos(feature, slot_s)).

The lip features are F_v's units, scaled to a root mean square of 1; F_v is frozen, so at generation no part of it is
needed. A unit for Lip-to-Face is a linear map of recalled mouth and audio feature.

Legend: B samples, L video frames of audio, S slots, N frames, D = 512.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.mel_windows import SILENCE, mel_windows, pad_windows
from cals_models.networks.generator import LipToFace
from cals_models.networks.unit_model import UnitModel
from cals_models.networks.wav2lip_audio import Wav2LipAudio
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import MELS_PER_FRAME

LIP_SCALE = UNIT_DIM**0.5
"""Of F_v's units of length 1, so that a feature's root mean square is 1."""


class AudioLipMemory(nn.Module):
    """The memory.

    Args:
        num_slots: S.
        sharpness: kappa.
    """

    def __init__(self, num_slots: int, sharpness: float) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.lip = nn.Parameter(torch.randn(num_slots, UNIT_DIM))
        self.audio = nn.Parameter(torch.randn(num_slots, UNIT_DIM))

    def log_address(self, features: Tensor, by: Literal["lip", "audio"]) -> Tensor:
        """Logarithm of the address of features.

        Args:
            features: float (..., D), of lips or of audio, any length.
            by: which slots they are compared with.

        Returns:
            float32 (..., S), log softmax over the slots.

        Raises:
            ValueError: another width.
        """
        if features.shape[-1:] != (UNIT_DIM,):
            raise ValueError(f"features {tuple(features.shape)}: expected (..., {UNIT_DIM})")
        slots = self.lip if by == "lip" else self.audio
        with torch.autocast(features.device.type, enabled=False):
            cosines = F.normalize(features.float(), dim=-1) @ F.normalize(slots.float(), dim=-1).T
            return F.log_softmax(self.sharpness * cosines, dim=-1)

    def read(self, log_address: Tensor) -> Tensor:
        """The mouths at an address: float32 (..., S), log softmax -> (..., D), lip features."""
        with torch.autocast(log_address.device.type, enabled=False):
            return log_address.exp() @ self.lip.float()

    @torch.no_grad()
    def start_from(self, lips: Tensor) -> None:
        """Fills the slots of lips with features of real mouths; untouched slots would all be alike to any mouth.

        Args:
            lips: float (S, D).
        """
        self.lip.copy_(lips)


class SyncTalkFace(UnitModel):
    """The model: audio encoder, memory, join, Lip-to-Face.

    Args:
        config: of all parts.
        crop_px: side of the crops, 128 or 256.
    """

    def __init__(self, config: SyncTalkFaceConfig, crop_px: int = BASE_CROP_PX) -> None:
        super().__init__()
        self.generator = LipToFace(config, crop_px)
        self.audio = Wav2LipAudio(config.audio_width, config.blocks_per_level)
        self.memory = AudioLipMemory(config.memory_slots, config.address_sharpness)
        self.join = nn.Linear(2 * UNIT_DIM, UNIT_DIM)

    def recalled(self, audio: Tensor) -> Tensor:
        """The mouths that audio recalls: float (..., D), audio features -> float32 (..., D), lip features."""
        return self.memory.read(self.memory.log_address(audio, "audio"))

    def joined(self, lips: Tensor, audio: Tensor) -> Tensor:
        """Units for Lip-to-Face: lip and audio features, float (..., D) each -> float32 (..., D)."""
        units: Tensor = self.join(torch.cat([lips.float(), audio.float()], dim=-1))
        return units.float()

    def units(self, mel: Tensor, *, mask: Tensor | None = None, num_valid: Tensor | None = None) -> Tensor:
        """The units of every video frame, from audio alone.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            mask: bool (B, L), True where the audio is masked: silent, since there is no training with masks.
            num_valid: of no effect: a unit depends on the 0.2 s around its frame.

        Returns:
            float32 (B, L, 512).
        """
        if mask is not None:
            mel = mel.masked_fill(mask.repeat_interleave(MELS_PER_FRAME, dim=1)[:, None], SILENCE)
        audio = self.audio(mel)
        return self.joined(self.recalled(audio), audio)

    def audio_at(self, mel: Tensor, first: Tensor, num_frames: int) -> Tensor:
        """Audio features of a few consecutive frames of each stretch.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            first: int64 (B,), number of the first frame of each.
            num_frames: S.

        Returns:
            float32 (B, S, 512).
        """
        windows = mel_windows(pad_windows(mel))  # (B, L, 80, 20)
        frames = first[:, None] + torch.arange(num_frames, device=first.device)
        rows = torch.arange(len(first), device=first.device)[:, None]
        return self.audio.from_windows(windows[rows, frames])

    def parts(self) -> dict[str, nn.Module]:
        """Generator, audio encoder, memory, and what joins a mouth with audio."""
        return {
            "generator": self.generator,
            "audio": self.audio,
            "memory": self.memory,
            "join": self.join,
        }
