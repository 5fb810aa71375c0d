"""Settings of `masked_audio`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MaskedAudioSettings:
    """How it is measured how far context complements missing sound (Figure 2).

    Args:
        split: the clips that are looked at.
        max_clips: at most so many, drawn by ``seed``.
        max_stretch_frames: of a longer clip its middle part of this many frames, at 25 fps.
        mask_frames: lengths of the mask, in video frames of sound in a row; ascending.
        num_places: places in a clip where each mask is put, spread evenly.
        min_heard_frames: frames of sound that stay on either side of a mask; a mask that leaves less is left out.
        reference_policy: see `renders`.
        min_reference_distance_frames: see `renders`.
        landmark_backend: finds the landmarks of LMD: ``dlib`` or ``face_alignment``.
        strip_frames: frames of a mask that the picture shows.
        seed: draws clips.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that a generator makes at once.
    """

    split: str = "test"
    max_clips: int = 64
    max_stretch_frames: int = 150
    mask_frames: tuple[int, ...] = (2, 5, 10, 20)
    num_places: int = 2
    min_heard_frames: int = 5
    reference_policy: str = "opposite_half"
    min_reference_distance_frames: int = 6
    landmark_backend: str = "dlib"
    strip_frames: int = 10
    seed: int = 11
    device: str = "auto"
    batch_frames: int = 24

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f"split is {self.split!r}; give train, val or test")
        masks = self.mask_frames
        if not masks or list(masks) != sorted(set(masks)) or masks[0] < 1:
            raise ValueError(f"mask_frames is {list(masks)}; give different lengths of 1 or more, ascending")
        for name in (
            "max_clips",
            "num_places",
            "min_heard_frames",
            "min_reference_distance_frames",
            "strip_frames",
            "batch_frames",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.max_stretch_frames < masks[-1] + 2 * self.min_heard_frames:
            raise ValueError(
                f"max_stretch_frames is {self.max_stretch_frames}; the longest mask needs "
                f"{masks[-1] + 2 * self.min_heard_frames}"
            )
