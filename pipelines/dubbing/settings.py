"""Settings of a dub. The command line reads this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field

from assets.media.limits import ProbeLimits

FITS = ("trim", "loop", "hold")


@dataclass(frozen=True, kw_only=True)
class DubSettings:
    """How a video is dubbed.

    Args:
        fit: what happens where picture and sound differ in length. ``trim`` ends with the shorter of the two;
            ``loop`` lasts as long as the sound and begins the video again when it is over; ``hold`` lasts as long as
            the longer of the two: the last picture stays, or silence follows the sound. A photograph always lasts as
            long as the sound.
        faces: numbers of the faces to dub, as the list of faces shows them; empty for the only one.
        mark: draw a small visible mark.
        quality_crf: x264's constant quality, 0 (best) to 51.
        batch_frames: frames that the generator makes at once, and that are held in memory.
        device: ``auto`` takes a GPU where there is one.
        limits: what a file may ask of us.
    """

    fit: str = "trim"
    faces: tuple[int, ...] = ()
    mark: bool = False
    quality_crf: int = 16
    batch_frames: int = 8
    device: str = "auto"
    limits: ProbeLimits = field(default_factory=ProbeLimits)

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"fit is {self.fit!r}; one of {', '.join(FITS)}")
        if any(number < 1 for number in self.faces):
            raise ValueError(f"faces are {self.faces}; faces are numbered from 1")
        if not 0 <= self.quality_crf <= 51:
            raise ValueError(f"quality_crf is {self.quality_crf}; give 0 (best) to 51")
        if self.batch_frames < 1:
            raise ValueError(f"batch_frames is {self.batch_frames}; give 1 or more")
