"""Generating clips with a trained model, from its folder alone.

Legend: T video frames, N frames generated at once, S side of a crop.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.config.stages import config_from_fields
from cals_models.inference.clip_inputs import check_clip_inputs
from cals_models.methods.lip_to_face import LipToFaceMethod
from cals_models.methods.registry import method_of
from cals_models.networks.frame_tensors import to_byte_frames, to_float_frames
from cals_models.networks.generator_files import read_generator
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.model_files import ModelFiles, load_network
from cals_models.networks.unit_model import UnitModel
from cals_models.precision import autocast
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import MELS_PER_FRAME

MAX_MARGIN_FRAMES = 25
"""Of each stretch of a long clip up to this many frames at either end, at most a quarter, serve as context alone (1 s; the
paper finds an effective context of 0.6 s on either side)."""


@dataclass(frozen=True, kw_only=True)
class LipGenerator:
    """A trained model, ready to generate frames.

    Args:
        model: generator and audio path, in evaluation mode.
        method: name of the method it was trained for.
        dataset: name of the dataset it was trained on.
        weights_sha256: digest of its weights file.
        device: where it computes.
        precision: `auto` computes in bf16 where the processor has it, `fp32` never.
        context_frames: video frames of audio that the audio path was given in training; longer audio is processed in
            overlapping stretches of this length.
        speech_level: median level of the speech it was trained with (`cals_models.speech_level`), log10 magnitude; None
            for a model whose model.json has none.
        crop_px: S, side of the crops that it is given and draws.
    """

    model: UnitModel
    method: str
    dataset: str
    weights_sha256: str
    device: torch.device
    context_frames: int
    precision: str = "auto"
    speech_level: float | None = None
    crop_px: int = BASE_CROP_PX

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
            pose_prior: uint8 (T, S, S, 3), RGB; the lower half is hidden from the network, whatever it holds.
            reference: uint8 (T, S, S, 3), RGB, one for every frame.
            mel: float (80, 4T), log10 magnitudes.
            target: must be None: these methods take the pose from the pose prior.
            mel_valid_mask: bool (T,), False where the audio of a video frame is masked; None masks nothing.
            batch_frames: frames generated at once.

        Returns:
            uint8 (T, S, S, 3), RGB, on the CPU.

        Raises:
            ValueError: shapes or types do not agree.
        """
        assert target is None, f"{self.method} declares pose_from='pose_prior'"
        shown = {"pose_prior": pose_prior, "reference": reference}
        check_clip_inputs(shown, mel, mel_valid_mask, batch_frames, crop_px=self.crop_px)
        return torch.cat(
            list(
                self.render_batches(
                    pose_prior,
                    reference,
                    self.units_from_mel(mel, mel_valid_mask=mel_valid_mask),
                    batch_frames,
                )
            )
        )

    @torch.inference_mode()
    def units_from_mel(self, mel: Tensor, *, mel_valid_mask: Tensor | None = None) -> Tensor:
        """The units of a whole mel, in bounded memory.

        Args:
            mel: float (80, 4T), log10 magnitudes.
            mel_valid_mask: bool (T,), False where the audio of a video frame is masked; None masks nothing.

        Returns:
            float32 (T, 512), on the generator's device.
        """
        masked = None if mel_valid_mask is None else ~mel_valid_mask[None].to(self.device)
        kept = []
        for given, wanted in stretches(mel.shape[1] // MELS_PER_FRAME, self.context_frames):
            rows = slice(MELS_PER_FRAME * given.start, MELS_PER_FRAME * given.stop)
            mask = None if masked is None else masked[:, given.start : given.stop]
            with autocast(self.device, self.precision):
                units = self.model.units(mel[None, :, rows].float().to(self.device), mask=mask)
            kept.append(units[0, wanted.start - given.start : wanted.stop - given.start].float())
        return torch.cat(kept)

    @torch.inference_mode()
    def render_batches(
        self, pose_prior: Tensor, reference: Tensor, units: Tensor, batch_frames: int
    ) -> Iterator[Tensor]:
        """Generates a clip batch by batch.

        Args:
            pose_prior, reference: uint8 (T, S, S, 3), RGB, see `render`.
            units: float32 (T, 512), from `units_from_mel`.
            batch_frames: frames a batch.

        Yields:
            uint8 (N, S, S, 3), RGB, on the CPU.
        """
        for start in range(0, len(units), batch_frames):
            rows = slice(start, start + batch_frames)
            with autocast(self.device, self.precision):
                generated = self.model.generate(
                    to_float_frames(reference[rows].to(self.device)),
                    to_float_frames(pose_prior[rows].to(self.device)),
                    units[rows],
                )
            yield to_byte_frames(generated)


def stretches(num_frames: int, length: int) -> list[tuple[range, range]]:
    """The stretches in which long audio is processed, all of the training's length.

    Args:
        num_frames: T, video frames of audio.
        length: video frames a stretch; one stretch holds all audio that is no longer.

    Returns:
        For each stretch the frames that are given, and those whose units are kept; the latter cover the audio once, and meet in
        the middle of the overlap.
    """
    if num_frames <= length:
        return [(range(num_frames), range(num_frames))]
    step = length - 2 * min(MAX_MARGIN_FRAMES, length // 4)
    firsts = [*range(0, num_frames - length, step), num_frames - length]
    seams = [(first + earlier + length) // 2 for earlier, first in pairwise(firsts)]
    edges = [0, *seams, num_frames]
    return [
        (range(first, first + length), range(start, end))
        for first, (start, end) in zip(firsts, pairwise(edges), strict=True)
    ]


def load_generator(model_dir: Path | str, device: str = "cpu", *, precision: str = "auto") -> LipGenerator:
    """Loads a trained generator's folder.

    Args:
        model_dir: holds model.json and model.safetensors.
        device: cpu, cuda, ...
        precision: `auto` or `fp32`.

    Raises:
        ValueError: damaged, incomplete, another kind of model, or not the weights that model.json describes.
    """
    files = read_generator(Path(model_dir))
    method = method_of(str(files.method), LipToFaceMethod).name
    assert isinstance(files.config, GeneratorConfig)
    audio_config = files.plain.get("audio_to_lip")
    if audio_config is not None and not isinstance(audio_config, dict):
        raise ValueError(f"{files.folder}: audio_to_lip in model.json is no object; train the model again")
    parsed = None if audio_config is None else config_from_fields("audio_to_lip", audio_config)
    assert parsed is None or isinstance(parsed, AudioToLipConfig)
    try:
        model = LipSync(method, files.config, parsed, files.crop_px)
    except ValueError as error:
        raise ValueError(f"{files.folder}: {error}; train the model again") from error
    return opened_generator(files, model, files.config.context_frames, device, precision)


def opened_generator(
    files: ModelFiles, model: UnitModel, context_frames: int, device: str, precision: str
) -> LipGenerator:
    """A model with the weights of a folder, ready to generate.

    Args:
        files: of the folder.
        model: built with the folder's settings.
        context_frames, device, precision: see `LipGenerator`.

    Raises:
        ValueError: the weights are another network's, or the speech level is no number.
    """
    for name, network in model.parts().items():
        load_network(network, files.weights.get(name, {}), str(files.folder))
    level = files.plain.get("speech_level")
    if level is not None and not (isinstance(level, int | float) and math.isfinite(level)):
        raise ValueError(
            f"{files.folder}: speech_level in model.json is {level!r}; must be a finite number; train the model again"
        )
    place = torch.device(device)
    model.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LipGenerator(
        model=model.eval().requires_grad_(False),
        method=str(files.method),
        dataset=str(files.plain.get("dataset")),
        weights_sha256=str(files.plain["weights_sha256"]),
        device=place,
        context_frames=context_frames,
        precision=precision,
        speech_level=None if level is None else float(level),
        crop_px=files.crop_px,
    )
