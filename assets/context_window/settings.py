"""Settings of `context_window`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

HIDE_WITH = ("mask", "silence")


@dataclass(frozen=True, kw_only=True)
class ContextWindowSettings:
    """How the effective context of a model is measured (Figure 3).

    Args:
        split: the clips that are looked at.
        max_clips: at most so many, drawn by ``seed``.
        max_stretch_frames: of a longer clip its middle part of this many frames, at 25 fps.
        window_frames: windows, in video frames of sound heard on each side of a frame; ascending, 0 hears the
            frame's own 40 ms.
        num_probe_frames: frames of a clip that are drawn with each window, spread over where the widest one fits.
        hide_with: what stands in for the sound outside the window: ``mask``, as in the training of f_theta (methods
            without f_theta hear silence), or ``silence``.
        reference_policy: see `renders`.
        min_reference_distance_frames: see `renders`.
        landmark_backend: finds the landmarks of LMD: ``dlib`` or ``face_alignment``.
        seed: draws clips.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that a generator makes at once.
    """

    split: str = "test"
    max_clips: int = 64
    max_stretch_frames: int = 150
    window_frames: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18)
    num_probe_frames: int = 4
    hide_with: str = "mask"
    reference_policy: str = "opposite_half"
    min_reference_distance_frames: int = 6
    landmark_backend: str = "dlib"
    seed: int = 11
    device: str = "auto"
    batch_frames: int = 24

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f"split is {self.split!r}; give train, val or test")
        if self.hide_with not in HIDE_WITH:
            raise ValueError(f"hide_with is {self.hide_with!r}; one of {', '.join(HIDE_WITH)}")
        windows = self.window_frames
        if len(windows) < 4 or list(windows) != sorted(set(windows)) or windows[0] < 0:
            raise ValueError(
                f"window_frames is {list(windows)}; give 4 or more different windows of 0 or more, ascending"
            )
        for name in ("max_clips", "num_probe_frames", "min_reference_distance_frames", "batch_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.max_stretch_frames < 2 * windows[-1] + 1:
            raise ValueError(
                f"max_stretch_frames is {self.max_stretch_frames}; the widest window needs {2 * windows[-1] + 1}"
            )
