"""Settings of `context_window`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from assets.project.setting_types import Device, FaceBackend, ReferencePolicy, Split
from cals_models.declarations.bounds import Count, CountOrZero, Items
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ContextWindowSettings(Settings):
    """How the effective context of a model is measured (Figure 3).

    Args:
        split: the clips that are measured.
        max_clips: at most so many, drawn by ``seed``.
        max_stretch_frames: of a longer clip its middle part of this many frames, at 25 fps.
        window_frames: windows, in video frames of audio on each side of a frame that the model is given; ascending, 0 is
            the frame's own 40 ms.
        num_probe_frames: frames of a clip that are generated with each window, spread over where the widest one fits.
        hide_with: what replaces the audio outside the window: ``mask``, as in the training of f_theta (methods
            without f_theta are given silence), or ``silence``.
        reference_policy: where the reference frame comes from, as in `renders`.
        min_reference_distance_frames: a frame's reference is at least this far from it, as in `renders`.
        landmark_backend: finds the landmarks of LMD: ``dlib`` or ``face_alignment``.
        seed: draws clips.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that a generator generates at once.
    """

    split: Split = "test"
    max_clips: Count = 64
    max_stretch_frames: Count = 150
    window_frames: Annotated[tuple[CountOrZero, ...], Items(at_least=4)] = (
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        8,
        10,
        12,
        15,
        18,
    )
    num_probe_frames: Count = 4
    hide_with: Literal["mask", "silence"] = "mask"
    reference_policy: ReferencePolicy = "opposite_half"
    min_reference_distance_frames: Count = 6
    landmark_backend: FaceBackend = "dlib"
    seed: int = 11
    device: Device = "auto"
    batch_frames: Count = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        windows = self.window_frames
        if list(windows) != sorted(set(windows)):
            raise ValueError(f"window_frames is {list(windows)}; give different windows, ascending")
        widest = 2 * windows[-1] + 1
        if self.max_stretch_frames < widest:
            raise ValueError(
                f"max_stretch_frames is {self.max_stretch_frames}; the widest window needs {widest}"
            )
