"""A dub by a cast: several faces with several audios, each in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cals_models.timebase import FPS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from pipelines.dubbing.cast_table import Cast
from pipelines.dubbing.choose_faces import Face, Stretch, choose_faces
from pipelines.dubbing.clock import clock
from pipelines.dubbing.find_speech import Span, find_speech, without_speech
from pipelines.dubbing.frame_plan import FrameLog, FramePlan
from pipelines.dubbing.output_audio import OutputAudio, Part, summed_audio
from pipelines.dubbing.place_audio import PlacedAudio
from pipelines.dubbing.plan_writing import LEAST_TOLD_S, fit_changes
from pipelines.dubbing.rest import CLOSING_S, Rest, eased, rest_weights, told_rest
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo
from pipelines.dubbing.spoken import Spoken, Voice

# In which the source's own mouth gives way to the dub's where a stretch begins or ends.
FADING_S = 0.16


@dataclass(frozen=True, kw_only=True)
class CastAudio:
    """See ``pipelines.dubbing.spoken.Speaking``."""

    cast: Cast
    placed: Sequence[PlacedAudio]

    @property
    def numbers(self) -> list[int]:
        """Of the faces, in order; each has a voice of its own."""
        return sorted({one.line.face for one in self.placed if one.line.face is not None})

    def searched_s(self, settings: DubSettings) -> float:
        return math.inf

    def chosen(self, faces: Sequence[Face], settings: DubSettings, source: SourceVideo) -> list[Face]:
        for one in self.placed:
            if one.line.face is not None:
                try:
                    choose_faces(faces, [one.line.face], source.path)
                except ValueError as error:
                    raise ValueError(f"{self.cast.at(one.line.line)}: {error}") from error
        return choose_faces(faces, self.numbers, source.path)

    def voice_of(self, number: int) -> int:
        return number

    def length_s(self, log: FrameLog) -> float:
        return max(log.end_s, *(one.span.end_s for one in self.placed))

    def spoken(
        self, plan: FramePlan, faces: Sequence[Face], stretches: Sequence[Stretch], settings: DubSettings
    ) -> Spoken:
        lines, rows = [], []
        for one in self.placed:
            row = {**_row(one), **self._view(one, plan, faces, stretches)}
            rows.append(row)
            lines.append(f"{self.cast.at(one.line.line)}: {self._words(one, row, faces)}")
        output, gain = self._output(plan)
        taken = [f"{path.name}: {text}" for path, text in self._taken(with_usual=True).items()]
        changes = [f"{path.name}: {text}" for path, text in self._taken(with_usual=False).items()]
        if gain < 1:
            lower = f"the sum of the audios would clip and is {-20 * math.log10(gain):.1f} dB lower"
            taken, changes = [*taken, lower], [*changes, lower]
        return Spoken(
            voices=tuple(self._voice(number, plan, settings) for number in self.numbers),
            output=output,
            taken="; ".join(taken),
            changes="; ".join(changes) or None,
            lines=tuple(lines),
            cast=tuple(rows),
        )

    def fit_changes(self, plan: FramePlan, source: SourceVideo) -> tuple[str, ...]:
        return fit_changes(plan, source, plan.end_s)

    def _output(self, plan: FramePlan) -> tuple[OutputAudio, float]:
        parts = [
            Part(audio=one.audio, span=one.span, audio_start_s=one.audio_start_s)
            for one in self.placed
            if one.audio is not None
        ]
        return summed_audio(parts, plan.end_s)

    def _taken(self, *, with_usual: bool) -> dict[Any, str]:
        audios = [one.audio for one in self.placed if one.audio is not None]
        return {audio.path: audio.taken for audio in audios if with_usual or not audio.is_as_given}

    def _view(
        self, one: PlacedAudio, plan: FramePlan, faces: Sequence[Face], stretches: Sequence[Stretch]
    ) -> dict[str, int | None]:
        """Frames of a row's stretch, and those of them in which its face is in view."""
        middles_s = (plan.ticks + 0.5) / FPS
        frames = plan.source_frames[(middles_s > one.span.start_s) & (middles_s < one.span.end_s)]
        if not len(frames):
            raise ValueError(
                f"{self.cast.at(one.line.line)}: no frame lies between {clock(one.span.start_s, 2)} and "
                f"{clock(one.span.end_s, 2)}; give a longer stretch in the video"
            )
        if one.line.face is None:
            return {"num_frames": len(frames), "num_frames_in_view": None}
        voice = self.numbers.index(one.line.face)
        own = [stretch for stretch in stretches if stretch.voice == voice]
        seen = sum(any(stretch.covers(int(frame)) for stretch in own) for frame in frames)
        if not seen:
            raise ValueError(
                f"{self.cast.at(one.line.line)}: face {one.line.face} ({faces[voice].text()}) is not in view between "
                f"{clock(one.span.start_s, 2)} and {clock(one.span.end_s, 2)}; give other times"
            )
        return {"num_frames": len(frames), "num_frames_in_view": seen}

    def _words(self, one: PlacedAudio, row: dict[str, Any], faces: Sequence[Face]) -> str:
        place = f"from {clock(one.span.start_s, 2)} to {clock(one.span.end_s, 2)}"
        if one.audio is not None and one.audio_start_s > 0:
            place += f", the audio from {clock(one.audio_start_s, 2)} on"
        if one.left_out_s > LEAST_TOLD_S:
            place += f"; the audio's last {one.left_out_s:.2f} s are left out"
        if one.line.face is None:
            assert one.audio is not None
            return f"{one.audio.path} without a face {place}"
        if row["num_frames_in_view"] < row["num_frames"]:
            place += f"; the face is in view in {row['num_frames_in_view']} of {row['num_frames']} frames"
        face = f"face {one.line.face} ({faces[self.numbers.index(one.line.face)].text()})"
        return f"{face} rests {place}" if one.audio is None else f"{face} speaks {one.audio.path} {place}"

    def _voice(self, number: int, plan: FramePlan, settings: DubSettings) -> Voice:
        """What a face says, when it rests, and when its mouth is drawn: in its stretches."""
        own = sorted(
            (one for one in self.placed if one.line.face == number), key=lambda one: one.span.start_s
        )
        num_ticks = plan.num_ticks
        mono = np.zeros(num_ticks * SAMPLES_PER_FRAME, np.int16)
        speech: list[Span] = []
        told = []
        weights = np.zeros(num_ticks, np.float32)
        for one in own:
            start = round(one.span.start_s * SAMPLE_RATE_HZ)
            part = one.mono[: max(len(mono) - start, 0)]
            mono[start : start + len(part)] = part
            if one.audio is None:
                weights = np.maximum(weights, eased(one.span, num_ticks, CLOSING_S))
                continue
            found = find_speech(part)
            speech += [span.later(one.span.start_s) for span in found]
            silent = without_speech(part, found, one.span.length_s, begins_s=one.span.start_s)
            told.append(told_rest(silent, wanted=settings.rest))
        if settings.rest:
            weights = np.maximum(weights, rest_weights(speech, num_ticks))
        text = "; ".join(filter(None, told))
        return Voice(
            mono=mono,
            rest=Rest(
                weights=weights,
                without_speech=f"face {number}: {text}" if text else None,
                shown=_shown([one.span for one in own], num_ticks),
            ),
        )


def _row(one: PlacedAudio) -> dict[str, Any]:
    return {
        "line": one.line.line,
        "face": one.line.face,
        "audio": one.line.audio,
        "from_s": one.span.start_s,
        "to_s": one.span.end_s,
        "audio_from_s": None if one.audio is None else one.audio_start_s,
        "left_out_s": round(one.left_out_s, 3),
    }


def _shown(spans: Sequence[Span], num_ticks: int) -> NDArray[np.float32]:
    """(T,) how far a mouth is drawn: in these spans, in order; those that follow each other at once are one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s - joined[-1].end_s < 1 / FPS:
            joined[-1] = Span(start_s=joined[-1].start_s, end_s=span.end_s)
        else:
            joined.append(span)
    shown = np.zeros(num_ticks, np.float32)
    for span in joined:
        shown = np.maximum(shown, eased(span, num_ticks, min(FADING_S, span.length_s / 4)))
    return shown
