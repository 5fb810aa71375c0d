"""What is spoken in a dub, by one audio or by a cast of several: the same questions are answered for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.choose_faces import Face, Stretch
from pipelines.dubbing.frame_plan import FrameLog, FramePlan
from pipelines.dubbing.output_audio import OutputAudio
from pipelines.dubbing.rest import Rest
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What one or several faces say.

    Args:
        mono: int16 (n,), 16 kHz, from the start of the dub on.
        rest: when mouths that follow it are closed, and when they are drawn at all.
    """

    mono: NDArray[np.int16]
    rest: Rest


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """All that is spoken in a dub.

    Args:
        voices: that the stretches name by their numbers.
        output: the audio for the file.
        taken: which audio stream was taken, how its channels became one, and what was done on its time line.
        changes: of that, what a person would not expect; None for nothing.
        lines: which face speaks what, for the result; none for one audio.
        cast: the same for the record; None for one audio.
    """

    voices: tuple[Voice, ...]
    output: OutputAudio
    taken: str
    changes: str | None
    lines: tuple[str, ...] = ()
    cast: tuple[dict[str, Any], ...] | None = None

    @property
    def without_speech(self) -> str | None:
        """Where no speech was found, in words."""
        return "; ".join(filter(None, (voice.rest.without_speech for voice in self.voices))) or None


class Speaking(Protocol):
    """The given audio, read and checked, before the video's faces are known."""

    def searched_s(self, settings: DubSettings) -> float:
        """Length of the video in which faces are sought, seconds."""
        ...

    def chosen(self, faces: Sequence[Face], settings: DubSettings, source: SourceVideo) -> list[Face]:
        """The faces that are dubbed."""
        ...

    def voice_of(self, number: int) -> int:
        """Number of the voice with which the chosen face of a number speaks."""
        ...

    def length_s(self, log: FrameLog) -> float:
        """Length that the dub's frames are fitted to, seconds."""
        ...

    def spoken(
        self, plan: FramePlan, faces: Sequence[Face], stretches: Sequence[Stretch], settings: DubSettings
    ) -> Spoken:
        """Voices and audio on the time line of the dub."""
        ...

    def fit_changes(self, plan: FramePlan, source: SourceVideo) -> tuple[str, ...]:
        """What of the video and the audio is left out, repeated or held, in words."""
        ...
