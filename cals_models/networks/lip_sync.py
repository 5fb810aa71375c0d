"""The model of a method: audio path and generator.

Legend: B clips or stretches, L video frames of audio, N frames that are generated, S side of a crop, D = 512.
"""

import torch
from torch import Tensor, nn

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.mel_windows import SILENCE, mel_windows, pad_windows
from cals_models.methods.lip_to_face import LipToFaceMethod
from cals_models.methods.registry import method_of
from cals_models.networks.audio_to_lip import AudioToLip
from cals_models.networks.generator import LipToFace
from cals_models.networks.unit_model import UnitModel
from cals_models.networks.wav2lip_audio import Wav2LipAudio
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import MELS_PER_FRAME


class LipSync(UnitModel):
    """Generator and audio path of a method.

    Args:
        method: one of the family `LipToFaceMethod`.
        config: of the generator, and of Wav2Lip's audio encoder.
        audio_to_lip_config: of f_theta; None for `wav2lip`.
        crop_px: S, side of the crops.
    """

    def __init__(
        self,
        method: str,
        config: GeneratorConfig,
        audio_to_lip_config: AudioToLipConfig | None,
        crop_px: int = BASE_CROP_PX,
    ) -> None:
        super().__init__()
        self.generator = LipToFace(config, crop_px)
        self.audio: AudioToLip | Wav2LipAudio
        if method_of(method, LipToFaceMethod).audio_path == "wav2lip_audio":
            self.audio = Wav2LipAudio(config.audio_width, config.blocks_per_level)
        elif audio_to_lip_config is None:
            raise ValueError(f"method {method!r} takes its units from f_theta; give its settings")
        else:
            self.audio = AudioToLip(audio_to_lip_config)

    def units(self, mel: Tensor, *, mask: Tensor | None = None, num_valid: Tensor | None = None) -> Tensor:
        """The units of every video frame.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            mask: bool (B, L), True where the audio is masked: corrupted as in training for f_theta, silent for Wav2Lip's
                encoder, which is not trained with masks.
            num_valid: int64 (B,), video frames of each stretch, the rest is padding.

        Returns:
            float32 (B, L, 512).
        """
        if isinstance(self.audio, AudioToLip):
            units: Tensor = self.audio(mel, mask=mask, num_valid=num_valid)
            return units
        if mask is not None:
            mel = mel.masked_fill(mask.repeat_interleave(MELS_PER_FRAME, dim=1)[:, None], SILENCE)
        units = self.audio(mel)
        return units

    def units_at(self, mel: Tensor, first: Tensor, num_frames: int, num_valid: Tensor) -> Tensor:
        """The units of a few consecutive frames of each stretch; Wav2Lip's encoder is given their windows alone.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            first: int64 (B,), number of the first frame of each.
            num_frames: consecutive frames.
            num_valid: int64 (B,), video frames of each stretch.

        Returns:
            float32 (B, num_frames, 512).
        """
        frames = first[:, None] + torch.arange(num_frames, device=first.device)
        if isinstance(self.audio, AudioToLip):
            units: Tensor = self.audio(mel, num_valid=num_valid)
            return units.gather(1, frames[..., None].expand(-1, -1, units.shape[2]))
        windows = mel_windows(pad_windows(mel))  # (B, L, 80, 20)
        rows = torch.arange(len(first), device=first.device)[:, None]
        return self.audio.from_windows(windows[rows, frames])

    def parts(self) -> dict[str, nn.Module]:
        """Generator and audio path."""
        return {"generator": self.generator, "audio": self.audio}
