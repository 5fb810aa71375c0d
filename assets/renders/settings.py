"""Settings of `renders`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from assets.project.setting_types import Device, ReferencePolicy, Split
from cals_models.declarations.bounds import Bound, Count, CountOrZero
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RenderSettings(Settings):
    """How test clips are rendered.

    Args:
        split: the clips that are rendered.
        reference_policy: where the reference frame comes from; ``opposite_half`` takes, for the frames of one half of
            a clip, a frame from the middle of the other half.
        min_reference_distance_frames: a frame's reference is at least this far from it, in frames at 25 fps.
        other_audio_seed: decides which clip lends its audio to which for ``audio = 'other'``.
        device: ``auto`` takes a GPU where there is one.
        batch_frames: frames that the generator generates at once.
    """

    split: Split = "test"
    reference_policy: ReferencePolicy = "opposite_half"
    min_reference_distance_frames: Annotated[
        int, Bound(at_least=1, text="1 or more (with 0 a frame could be its own reference)")
    ] = 6
    other_audio_seed: CountOrZero = 7
    device: Device = "auto"
    batch_frames: Count = 25
