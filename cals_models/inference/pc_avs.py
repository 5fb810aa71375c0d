"""Generating clips with a trained `pc_avs`, from its folder alone.

Legend: T video frames, N frames generated at once.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.config.stages import config_from_fields
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.inference.clip_inputs import check_clip_inputs
from cals_models.mel_windows import SILENCE, mel_windows, pad_windows
from cals_models.networks.frame_tensors import to_byte_frames, to_float_frames
from cals_models.networks.generator_files import read_generator
from cals_models.networks.model_files import load_network
from cals_models.networks.pc_avs import Codes, Identity, PcAvs
from cals_models.precision import autocast
from cals_models.timebase import MELS_PER_FRAME

WINDOWS_AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class PcAvsGenerator:
    """A trained model, ready to generate clips.

    Args:
        model: in evaluation mode.
        method: name of the method it was trained for.
        dataset: name of the dataset it was trained on.
        weights_sha256: digest of its weights file.
        device: where it computes.
        precision: `auto` computes in bf16 where the processor has it, `fp32` never.
        speech_level: median level of the speech it was trained with (`cals_models.speech_level`), log10 magnitude.
    """

    model: PcAvs
    method: str
    dataset: str
    weights_sha256: str
    device: torch.device
    precision: str = "auto"
    speech_level: float | None = None

    @property
    def crop_px(self) -> int:
        """Side of the crops that it was trained on."""
        return self.model.crop_px

    @torch.inference_mode()
    def render(
        self,
        pose_prior: Tensor,
        reference: Tensor,
        mel: Tensor,
        *,
        target: Tensor | None = None,
        mel_valid_mask: Tensor | None = None,
        batch_frames: int = 16,
    ) -> Tensor:
        """Generates a clip.

        Args:
            pose_prior: not used: the pose comes from the whole target frames.
            reference: uint8 (T, C, C, 3), RGB, the identity frame for every frame.
            mel: float (80, 4T), log10 magnitudes.
            target: uint8 (T, C, C, 3), RGB, of which only the pose codes are used.
            mel_valid_mask: bool (T,), False where the audio of a video frame is masked, which silences it; None masks
                nothing.
            batch_frames: frames generated at once.

        Returns:
            uint8 (T, C, C, 3), RGB, on the CPU.

        Raises:
            ValueError: shapes or types do not agree, or no target is given.
        """
        if target is None:
            raise ValueError(f"target: {self.method} takes the pose from the target frames; give them")
        shown = {"target": target, "reference": reference}
        check_clip_inputs(shown, mel, mel_valid_mask, batch_frames, crop_px=self.crop_px)
        speech = self._speech(mel, mel_valid_mask)
        generated = []
        known: Identity | None = None
        for start in range(0, len(target), batch_frames):
            rows = slice(start, start + batch_frames)
            with autocast(self.device, self.precision):
                known = self._identity(to_float_frames(reference[rows].to(self.device)), known)
                codes = Codes(
                    identity=known,
                    speech=speech[rows],
                    pose=self.model.mouth_and_pose(to_float_frames(target[rows].to(self.device)))[1],
                )
                generated.append(to_byte_frames(self.model.generate(codes)))
        return torch.cat(generated)

    def _identity(self, frames: Tensor, known: Identity | None) -> Identity:
        """What is taken of a batch's identity frames; what is known of the batch before it where they are the same."""
        if known is not None and torch.equal(known.frames, frames):
            return known
        return self.model.identity_of(frames)

    def _speech(self, mel: Tensor, mel_valid_mask: Tensor | None) -> Tensor:
        """The audio's codes of all frames: float32 (T, 512)."""
        if mel_valid_mask is not None:
            mel = mel.masked_fill(~mel_valid_mask.repeat_interleave(MELS_PER_FRAME).to(mel.device), SILENCE)
        windows = mel_windows(pad_windows(mel[None].float()))[0]  # (T, 80, 20)
        codes = []
        for first in range(0, len(windows), WINDOWS_AT_ONCE):
            with autocast(self.device, self.precision):
                codes.append(
                    self.model.audio_of(windows[first : first + WINDOWS_AT_ONCE].to(self.device))[:, 0]
                )
        return torch.cat(codes)


def load_pc_avs(model_dir: Path | str, device: str = "cpu", *, precision: str = "auto") -> PcAvsGenerator:
    """Loads a trained `pc_avs` model's folder.

    Args:
        model_dir: holds model.json and model.safetensors.
        device: cpu, cuda, ...
        precision: `auto` or `fp32`.

    Raises:
        ValueError: damaged, incomplete, another kind of model, or not the weights that model.json describes.
    """
    files = read_generator(Path(model_dir))
    if not isinstance(files.config, PcAvsConfig):
        raise ValueError(f"{files.folder}: method {files.method!r}; expected a model of pc_avs")
    plain = files.plain.get("sync_encoder")
    if not isinstance(plain, dict):
        raise ValueError(f"{files.folder}: sync_encoder in model.json is no object; train the model again")
    audio_config = config_from_fields("sync_encoder", plain, where=str(files.folder / "model.json"))
    assert isinstance(audio_config, SyncEncoderConfig)
    level = files.plain.get("speech_level")
    if not (isinstance(level, int | float) and math.isfinite(level)):
        raise ValueError(
            f"{files.folder}: speech_level in model.json is {level!r}; must be a finite number; train the model again"
        )
    model = PcAvs(files.config, audio_config, crop_px=files.crop_px)
    load_network(model, files.weights.get("pc_avs", {}), str(files.folder))
    place = torch.device(device)
    model.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return PcAvsGenerator(
        model=model.eval().requires_grad_(False),
        method=str(files.method),
        dataset=str(files.plain.get("dataset")),
        weights_sha256=str(files.plain["weights_sha256"]),
        device=place,
        precision=precision,
        speech_level=float(level),
    )
