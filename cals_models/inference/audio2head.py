"""Generating clips with a trained Audio2Head, from its folder alone.

Legend: T video frames, N frames generated at once, C side of a crop in pixels, K keypoints.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.inference.clip_inputs import check_clip_inputs
from cals_models.inference.lip_generator import stretches
from cals_models.mel_windows import SILENCE
from cals_models.networks.audio2head import Audio2Head
from cals_models.networks.audio2head_keypoints import Keypoints
from cals_models.networks.frame_tensors import to_byte_frames, to_float_frames
from cals_models.networks.generator_files import read_generator
from cals_models.networks.model_files import load_network
from cals_models.precision import autocast
from cals_models.timebase import MELS_PER_FRAME

READER_FRAMES = 64
"""Frames whose poses are read at once."""


@dataclass(frozen=True, kw_only=True)
class Audio2HeadGenerator:
    """A trained model, ready to generate frames.

    Args:
        model: in evaluation mode.
        method: name of the method it was trained for.
        dataset: name of the dataset it was trained on.
        weights_sha256: digest of its weights file.
        device: where it computes.
        crop_px: side of the crops that it was trained on.
        window_frames: video frames of a training window; longer audio is processed in overlapping stretches of this length.
        precision: `auto` computes in bf16 where the processor has it, `fp32` never.
        speech_level: median level of the speech it was trained with (`cals_models.speech_level`), log10 magnitude; None
            for a model whose model.json has none.
    """

    model: Audio2Head
    method: str
    dataset: str
    weights_sha256: str
    device: torch.device
    crop_px: int
    window_frames: int
    precision: str = "auto"
    speech_level: float | None = None

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
            pose_prior: uint8 (T, C, C, 3), RGB; gives the number of frames alone.
            reference: uint8 (T, C, C, 3), RGB; frames in a row that share a reference are generated together.
            mel: float (80, 4T), log10 magnitudes.
            target: uint8 (T, C, C, 3), RGB, frames whose head poses are taken, read from their upper halves; None takes
                the poses that the model predicts.
            mel_valid_mask: bool (T,), False where the audio of a video frame is silenced; None silences nothing.
            batch_frames: frames generated at once.

        Returns:
            uint8 (T, C, C, 3), RGB, on the CPU.

        Raises:
            ValueError: shapes or types do not agree.
        """
        shown = {"pose_prior": pose_prior, "reference": reference}
        shown |= {} if target is None else {"target": target}
        check_clip_inputs(shown, mel, mel_valid_mask, batch_frames, crop_px=self.crop_px)
        if mel_valid_mask is not None:
            mel = mel.masked_fill(~mel_valid_mask.to(mel.device).repeat_interleave(MELS_PER_FRAME), SILENCE)
        poses = None if target is None else self._read_poses(target)
        frames = []
        for run in _runs(reference):
            image = to_float_frames(reference[run.start : run.start + 1].to(self.device))
            with autocast(self.device, self.precision):
                found, image_pose = self.model.observe(image)
                keypoints = self._keypoints(mel, image, image_pose, found, poses, run)
            for first in range(0, len(run), batch_frames):
                some = Keypoints(*(part[first : first + batch_frames] for part in keypoints))
                count = len(some.points)
                source = Keypoints(*(part.expand(count, *part.shape[1:]) for part in found))
                with autocast(self.device, self.precision):
                    drawn = self.model.draw(image.expand(count, -1, -1, -1), source, some)
                frames.append(to_byte_frames(drawn))
        return torch.cat(frames)

    def _keypoints(
        self,
        mel: Tensor,
        image: Tensor,
        image_pose: Tensor,
        found: Keypoints,
        poses: Tensor | None,
        run: range,
    ) -> Keypoints:
        """Keypoints (len(run), K, ...) of a run of frames that share the image."""
        parts: list[Keypoints] = []
        for given, wanted in stretches(mel.shape[1] // MELS_PER_FRAME, self.window_frames):
            kept = range(max(wanted.start, run.start), min(wanted.stop, run.stop))
            if not len(kept):
                continue
            rows = slice(MELS_PER_FRAME * given.start, MELS_PER_FRAME * given.stop)
            audio = mel[None, :, rows].float().to(self.device)
            if poses is None:
                heads = self.model.predict_poses(audio, image, image_pose)
            else:
                heads = poses[None, given.start : given.stop]
            predicted = self.model.predict_keypoints(audio, image, image_pose, found, heads)
            inside = slice(kept.start - given.start, kept.stop - given.start)
            parts.append(Keypoints(*(part[0, inside] for part in predicted)))
        return Keypoints(*(torch.cat(some) for some in zip(*parts, strict=True)))

    def _read_poses(self, target: Tensor) -> Tensor:
        """Head poses (T, 6) that the upper halves of frames uint8 (T, C, C, 3) show."""
        read = [
            self.model.reader(to_float_frames(target[first : first + READER_FRAMES].to(self.device)))
            for first in range(0, len(target), READER_FRAMES)
        ]
        return torch.cat(read)


def _runs(reference: Tensor) -> list[range]:
    """Runs of consecutive frames with the same reference."""
    is_new = (reference[1:] != reference[:-1]).flatten(1).any(dim=1)
    edges = [0, *(is_new.nonzero()[:, 0] + 1).tolist(), len(reference)]
    return [range(start, stop) for start, stop in zip(edges, edges[1:], strict=False)]


def load_audio2head(
    model_dir: Path | str, device: str = "cpu", *, precision: str = "auto"
) -> Audio2HeadGenerator:
    """Opens a trained model's folder.

    Args:
        model_dir: holds model.json and model.safetensors.
        device: cpu, cuda, ...
        precision: `auto` or `fp32`.

    Raises:
        ValueError: damaged, incomplete, another kind of model, or not the weights that model.json describes.
    """
    files = read_generator(Path(model_dir))
    if not isinstance(files.config, Audio2HeadConfig):
        raise ValueError(f"{files.folder}: a model of method {files.method!r}, not of audio2head")
    level = files.plain.get("speech_level")
    model = Audio2Head(files.config, files.crop_px)
    for name in ("animator", "reader", "motion"):
        load_network(getattr(model, name), files.weights.get(name, {}), str(files.folder))
    place = torch.device(device)
    return Audio2HeadGenerator(
        model=model.to(place).eval().requires_grad_(False),
        method=str(files.method),
        dataset=str(files.plain.get("dataset")),
        weights_sha256=str(files.plain["weights_sha256"]),
        device=place,
        crop_px=files.crop_px,
        window_frames=files.config.window_frames,
        precision=precision,
        speech_level=float(level) if isinstance(level, int | float) else None,
    )
