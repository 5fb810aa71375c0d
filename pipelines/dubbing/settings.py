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
SPEAKER = "speaker"
"""In place of a face's number: the one who speaks."""
VideoCodec = Literal["auto", "h264", "hevc", "av1"]
CODECS: tuple[str, ...] = get_args(VideoCodec)
CONTAINERS = ("mp4", "mkv", "mov")


@dataclass(frozen=True, kw_only=True)
class DubSettings(Settings):
    """How a video is dubbed.

    Args:
        fit: what happens where video and audio differ in length. ``trim`` ends with the shorter of the two; ``loop``
            lasts as long as the audio and begins the video again when it is over; ``hold`` lasts as long as the longer
            of the two: the last frame stays, or silence follows the audio. A photograph always lasts as long as the
            audio.
        faces: numbers of the faces to dub, as the list of faces shows them; empty for the only one.
        speaker: dub the face whose lips go with the video's own audio; ``faces`` is empty then.
        rest: where the audio holds no speech, the mouths are closed; else the model's mouths are shown there too.
        mark: draw a small visible mark.
        force_model: dub with a model that does not follow the audio, too.
        codec: of the video; ``auto`` is h264, and hevc where the source has more than 8 bits a sample.
        quality_crf: constant quality of the codec, 0 (best) to 51 (av1: 63); None for the default, at which no
            difference from the source is seen.
        lossless: pixels that are not drawn on stay those of the source, bit for bit.
        batch_frames: frames that the generator generates at once, and that are held in memory.
        device: ``auto`` takes a GPU where there is one.
        limits: of the files that are given.
    """

    fit: Fit = "trim"
    faces: tuple[Annotated[int, Bound(at_least=1, text="a face's number, 1 or more")], ...] = ()
    speaker: bool = False
    rest: bool = True
    mark: bool = False
    force_model: bool = False
    codec: VideoCodec = "auto"
    quality_crf: Annotated[int, Bound(at_least=0, at_most=63, text="0 (best) to 63")] | None = None
    lossless: bool = False
    batch_frames: Count = 4
    device: Device = "auto"
    limits: ProbeLimits = field(default_factory=ProbeLimits)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.speaker and self.faces:
            raise ValueError("--face speaker and --face N; give one of them")
