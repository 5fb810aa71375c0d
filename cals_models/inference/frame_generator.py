"""What an opened model of any method can do, and how one is opened from its folder.

Legend: T video frames, N frames generated at once, C side of a crop in pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from cals_models.methods.registry import TRAINED_METHODS, trained_method
from cals_models.networks.model_files import read_description
from cals_models.references import load


class FrameGenerator(Protocol):
    """A trained model, ready to generate the frames of whole clips.

    Attributes:
        method: name of the method it was trained for.
        dataset: name of the dataset it was trained on.
        weights_sha256: digest of its weights file.
        device: where it computes.
        crop_px: side of the crops that it was trained on.
        speech_level: median level of the speech it was trained with (`cals_models.speech_level`), log10 magnitude; None
            where that does not matter to it.
    """

    @property
    def method(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def crop_px(self) -> int: ...
    @property
    def speech_level(self) -> float | None: ...

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
            pose_prior: uint8 (T, C, C, 3), RGB; the lower half is 0.
            reference: uint8 (T, C, C, 3), RGB, one for every frame.
            mel: float (80, 4T), log10 magnitudes.
            target: uint8 (T, C, C, 3), RGB, the true frames, for a method that declares ``pose_from="target_frame"``; None
                for all others.
            mel_valid_mask: bool (T,), False where the audio of a video frame is masked; None masks nothing.
            batch_frames: frames generated at once.

        Returns:
            uint8 (T, C, C, 3), RGB, on the CPU.
        """
        ...


@runtime_checkable
class UnitGenerator(Protocol):
    """A model that turns the audio into units first, and then draws any frames in any order."""

    @property
    def method(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def crop_px(self) -> int: ...
    @property
    def speech_level(self) -> float | None: ...

    def units_from_mel(self, mel: Tensor, *, mel_valid_mask: Tensor | None = None) -> Tensor:
        """The units of a whole mel, in bounded memory.

        Args:
            mel: float (80, 4T), log10 magnitudes.
            mel_valid_mask: bool (T,), False where the audio of a video frame is masked; None masks nothing.

        Returns:
            float32 (T, D), on the generator's device; D is the method's own.
        """
        ...

    def render_batches(
        self, pose_prior: Tensor, reference: Tensor, units: Tensor, batch_frames: int
    ) -> Iterator[Tensor]:
        """Generates frames batch by batch.

        Args:
            pose_prior, reference: uint8 (N, C, C, 3), RGB, see `FrameGenerator.render`.
            units: float32 (N, D), rows of what `units_from_mel` gave.
            batch_frames: frames a batch.

        Yields:
            uint8 (at most batch_frames, C, C, 3), RGB, on the CPU.
        """
        ...


def open_generator(model_dir: Path | str, device: str = "cpu", *, precision: str = "auto") -> FrameGenerator:
    """Opens a trained generator's folder, by what its method declares.

    Args:
        model_dir: holds model.json and model.safetensors.
        device: cpu, cuda, ...
        precision: `auto` or `fp32`.

    Raises:
        ValueError: damaged, incomplete, another kind of model, or not the weights that model.json describes.
    """
    generator: FrameGenerator = load(trained_method(method_in(Path(model_dir))).parts["renders"])(
        model_dir, device, precision=precision
    )
    return generator


def method_in(folder: Path) -> str:
    """The trained method that a generator's folder names in model.json.

    Raises:
        ValueError: there is no readable model.json, or it names no trained method.
    """
    plain = read_description(folder)
    stage, method = plain.get("stage"), plain.get("method")
    if stage != "generator":
        raise ValueError(f"{folder}: holds a model of stage {stage!r}; expected 'generator'")
    if method not in TRAINED_METHODS:
        raise ValueError(f"{folder}: method {method!r}; must be one of {', '.join(TRAINED_METHODS)}")
    return str(method)
