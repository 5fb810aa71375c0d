"""Settings of a dub. The command line reads this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from assets.media.limits import ProbeLimits
from assets.project.setting_types import Device
from cals_models.declarations.bounds import Bound, Count
from cals_models.declarations.settings import Settings

Fit = Literal["trim", "loop", "hold"]
FITS: tuple[str, ...] = get_args(Fit)


@dataclass(frozen=True, kw_only=True)
class DubSettings(Settings):
    """How a video is dubbed.

    Args:
        fit: what happens where video and audio differ in length. ``trim`` ends with the shorter of the two; ``loop``
            lasts as long as the audio and begins the video again when it is over; ``hold`` lasts as long as the longer
            of the two: the last frame stays, or silence follows the audio. A photograph always lasts as long as the
            audio.
        faces: numbers of the faces to dub, as the list of faces shows them; empty for the only one.
        rest: where the audio holds no speech, the mouths are closed; else the model's mouths are shown there too.
        mark: draw a small visible mark.
        force_model: dub with a model that does not follow the audio, too.
        quality_crf: x264's constant quality, 0 (best) to 51.
        batch_frames: frames that the generator generates at once, and that are held in memory.
        device: ``auto`` takes a GPU where there is one.
        limits: of the files that are given.
    """

    fit: Fit = "trim"
    faces: tuple[Annotated[int, Bound(at_least=1, text="a face's number, 1 or more")], ...] = ()
    rest: bool = True
    mark: bool = False
    force_model: bool = False
    quality_crf: Annotated[int, Bound(at_least=0, at_most=51, text="0 (best) to 51")] = 16
    batch_frames: Count = 8
    device: Device = "auto"
    limits: ProbeLimits = field(default_factory=ProbeLimits)
