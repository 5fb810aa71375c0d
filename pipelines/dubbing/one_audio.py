"""A dub by one audio, which each chosen face speaks from the start on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.dubbing.choose_faces import Face, Stretch, choose_faces
from pipelines.dubbing.dub_audio import DubAudio
from pipelines.dubbing.find_speaker import SPEAKER_S
from pipelines.dubbing.frame_plan import FrameLog, FramePlan
from pipelines.dubbing.output_audio import whole_audio
from pipelines.dubbing.plan_writing import fit_changes
from pipelines.dubbing.rest import find_rest
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo
from pipelines.dubbing.spoken import Spoken, Voice

SEARCH_BEYOND_AUDIO_S = 2.0
"""Video after the end of the audio in which faces are searched, so that with very short audio they are still tracked."""


@dataclass(frozen=True, kw_only=True)
class OneAudio:
    """See ``pipelines.dubbing.spoken.Speaking``."""

    audio: DubAudio

    def searched_s(self, settings: DubSettings) -> float:
        if settings.fit == "hold":
            return float("inf")
        needed_s = self.audio.duration_s + SEARCH_BEYOND_AUDIO_S
        return max(needed_s, SPEAKER_S) if settings.speaker else needed_s

    def chosen(self, faces: Sequence[Face], settings: DubSettings, source: SourceVideo) -> list[Face]:
        return choose_faces(faces, settings.faces, source.path)

    def voice_of(self, number: int) -> int:
        return 0

    def length_s(self, log: FrameLog) -> float:
        return self.audio.duration_s

    def spoken(
        self, plan: FramePlan, faces: Sequence[Face], stretches: Sequence[Stretch], settings: DubSettings
    ) -> Spoken:
        rest = find_rest(self.audio.mono, plan, wanted=settings.rest)
        return Spoken(
            voices=(Voice(mono=self.audio.mono, rest=rest),),
            output=whole_audio(self.audio),
            taken=self.audio.taken,
            changes=None if self.audio.is_as_given else self.audio.taken,
        )

    def fit_changes(self, plan: FramePlan, source: SourceVideo) -> tuple[str, ...]:
        return fit_changes(plan, source, self.audio.duration_s)
