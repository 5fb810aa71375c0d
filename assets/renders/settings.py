"""Settings of `renders`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

REFERENCE_POLICIES = ("opposite_half",)


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """How test clips are rendered.

    Args:
        split: the clips that are rendered.
        reference_policy: where the reference frame comes from; ``opposite_half`` takes, for the frames of one half of
            a clip, a frame from the middle of the other half.
        min_reference_distance_frames: no frame is made with a reference nearer to it than this, in frames at 25 fps.
        other_audio_seed: decides which clip lends its sound to which for ``audio = 'other'``.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that the generator makes at once.
    """

    split: str = "test"
    reference_policy: str = "opposite_half"
    min_reference_distance_frames: int = 6
    other_audio_seed: int = 7
    device: str = "auto"
    batch_frames: int = 25

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f"split is {self.split!r}; give train, val or test")
        if self.reference_policy not in REFERENCE_POLICIES:
            raise ValueError(
                f"reference_policy is {self.reference_policy!r}; one of {', '.join(REFERENCE_POLICIES)}"
            )
        if self.min_reference_distance_frames < 1:
            raise ValueError(
                f"min_reference_distance_frames is {self.min_reference_distance_frames}; give at least 1: with 0 a "
                "frame could be its own reference"
            )
        if self.other_audio_seed < 0:
            raise ValueError(f"other_audio_seed is {self.other_audio_seed}; give 0 or more")
        if self.device != "auto" and self.device.split(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"device is {self.device!r}; give auto, cpu, cuda or cuda:N")
        if self.batch_frames < 1:
            raise ValueError(f"batch_frames is {self.batch_frames}; give at least 1")
