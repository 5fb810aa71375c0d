"""What the models of all methods with a Lip-to-Face generator can do: units from audio, frames from units.

Legend: B clips or stretches, L video frames of audio, N frames that are generated, S side of a crop, D = 512.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from cals_models.networks.generator import LipToFace


class UnitModel(nn.Module, ABC):
    """An audio path of any kind and a Lip-to-Face generator.

    Attributes:
        generator: set by the subclass.
    """

    generator: LipToFace

    @abstractmethod
    def units(self, mel: Tensor, *, mask: Tensor | None = None, num_valid: Tensor | None = None) -> Tensor:
        """The units of every video frame, from audio alone.

        Args:
            mel: float (B, 80, 4L), log10 magnitudes.
            mask: bool (B, L), True where the audio is masked.
            num_valid: int64 (B,), video frames of each stretch, the rest is padding.

        Returns:
            float32 (B, L, D).
        """

    @abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """Its networks by the names under which their weights are kept."""

    def generate(self, reference: Tensor, pose_prior: Tensor, units: Tensor) -> Tensor:
        """Generates frames, see `LipToFace.forward`.

        Args:
            reference, pose_prior: float (N, 3, S, S), RGB in [0, 1].
            units: float (N, 512).

        Returns:
            float32 (N, 3, S, S), RGB in [0, 1].
        """
        frames: Tensor = self.generator(reference, pose_prior, units)
        return frames
