"""Settings of `masked_audio`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from assets.project.setting_types import Device, FaceBackend, ReferencePolicy, Split
from cals_models.declarations.bounds import Count, Items
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class MaskedAudioSettings(Settings):
    """How well context replaces masked audio, and how that is measured (Figure 2).

    Args:
        split: the clips that are measured.
        max_clips: at most so many, drawn by ``seed``.
        max_stretch_frames: of a longer clip its middle part of this many frames, at 25 fps.
        mask_frames: lengths of the mask, in consecutive video frames of audio; ascending.
        num_places: places in a clip where each mask is put, spread evenly.
        min_heard_frames: frames of audio that stay on either side of a mask; a mask that leaves fewer is left out.
        reference_policy: where the reference frame comes from, as in `renders`.
        min_reference_distance_frames: a frame's reference is at least this far from it, as in `renders`.
        landmark_backend: finds the landmarks of LMD: ``dlib`` or ``face_alignment``.
        strip_frames: frames of a mask that the image of Figure 2 shows.
        seed: draws clips.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that a generator generates at once.
    """

    split: Split = "test"
    max_clips: Count = 64
    max_stretch_frames: Count = 150
    mask_frames: Annotated[tuple[Count, ...], Items(at_least=1)] = (2, 5, 10, 20)
    num_places: Count = 2
    min_heard_frames: Count = 5
    reference_policy: ReferencePolicy = "opposite_half"
    min_reference_distance_frames: Count = 6
    landmark_backend: FaceBackend = "dlib"
    strip_frames: Count = 10
    seed: int = 11
    device: Device = "auto"
    batch_frames: Count = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        masks = self.mask_frames
        if list(masks) != sorted(set(masks)):
            raise ValueError(f"mask_frames is {list(masks)}; give different lengths, ascending")
        longest = masks[-1] + 2 * self.min_heard_frames
        if self.max_stretch_frames < longest:
            raise ValueError(
                f"max_stretch_frames is {self.max_stretch_frames}; the longest mask needs {longest}"
            )
