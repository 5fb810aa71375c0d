"""Puts the audios of a cast in their places on the time line of the dub, and checks that they fit there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cals_models.timebase import SAMPLE_RATE_HZ
from pipelines.dubbing.cast_table import Cast, CastLine, check_overlaps
from pipelines.dubbing.clock import clock
from pipelines.dubbing.dub_audio import DubAudio, read_audio
from pipelines.dubbing.find_speech import Span
from pipelines.dubbing.plan_writing import LEAST_TOLD_S
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo


@dataclass(frozen=True, kw_only=True)
class PlacedAudio:
    """One row of a cast in its place.

    Args:
        line: the row.
        audio: what is spoken; None where the face rests.
        span: its stretch of the dub.
        audio_start_s: place in the audio with which the stretch begins.
    """

    line: CastLine
    audio: DubAudio | None
    span: Span
    audio_start_s: float = 0.0

    @property
    def left_out_s(self) -> float:
        """Seconds at the end of the audio for which there is no room."""
        if self.audio is None:
            return 0.0
        return max(self.audio.duration_s - self.audio_start_s - self.span.length_s, 0.0)

    @property
    def mono(self) -> NDArray[np.int16]:
        """int16 (n,), 16 kHz: what is spoken in the stretch; silence follows it."""
        if self.audio is None:
            return np.zeros(0, np.int16)
        start = round(self.audio_start_s * SAMPLE_RATE_HZ)
        return self.audio.mono[start : start + round(self.span.length_s * SAMPLE_RATE_HZ)]


def place_audio(cast: Cast, source: SourceVideo, settings: DubSettings) -> list[PlacedAudio]:
    """Reads the audios of a cast and places them.

    Args:
        cast: of ``read_cast``.
        source: whose length they must fit, unless the dub may be longer.
        settings: of the dub.

    Raises:
        ValueError: an audio can't be read or is too long for its stretch, a stretch lies outside the video, or two of one
            face overlap; names the row.
    """
    read: dict[Path, DubAudio] = {}
    for line in cast.lines:
        if line.audio is not None and line.audio not in read:
            try:
                read[line.audio] = read_audio(line.audio, settings.limits)
            except ValueError as error:
                raise ValueError(f"{cast.at(line.line)}: {error}") from error
    audios = [None if line.audio is None else read[line.audio] for line in cast.lines]
    ends = [_end_s(cast, line, audio) for line, audio in zip(cast.lines, audios, strict=True)]
    video_s = 0.0 if source.photograph is not None else source.length_s
    last_s = max(video_s, *(0.0 if end_s is None else end_s for end_s in ends))
    placed = []
    for line, audio, end_s in zip(cast.lines, audios, ends, strict=True):
        span = Span(start_s=line.start_s, end_s=last_s if end_s is None else end_s)
        _check_span(cast, line, span, source, settings)
        placed.append(PlacedAudio(line=line, audio=audio, span=span, audio_start_s=line.audio_start_s or 0.0))
    check_overlaps(cast, [replace(one.line, end_s=one.span.end_s) for one in placed])
    return placed


def _end_s(cast: Cast, line: CastLine, audio: DubAudio | None) -> float | None:
    """End of a row's stretch; None for that of the dub."""
    if audio is None:
        return line.end_s
    start_s = line.audio_start_s or 0.0
    if start_s >= audio.duration_s:
        raise ValueError(
            f"{cast.at(line.line)}: audio_from is {clock(start_s, 2)}, {audio.path} ends at "
            f"{clock(audio.duration_s, 2)}; give an earlier time"
        )
    if line.end_s is None:
        return line.start_s + audio.duration_s - start_s
    stretch_s = line.end_s - line.start_s
    if line.audio_start_s is None and audio.duration_s > stretch_s + LEAST_TOLD_S:
        raise ValueError(
            f"{cast.at(line.line)}: {audio.path} lasts {audio.duration_s:.2f} s, its stretch {stretch_s:.2f} s; leave to "
            "empty for all of it, or give audio_from (0 for its start) for as much as there is room for"
        )
    return line.end_s


def _check_span(cast: Cast, line: CastLine, span: Span, source: SourceVideo, settings: DubSettings) -> None:
    if span.length_s <= 0:
        raise ValueError(
            f"{cast.at(line.line)}: from is {clock(span.start_s, 2)}, where the dub is over; give to"
        )
    if source.photograph is not None or settings.fit != "trim":
        return
    if span.end_s > source.length_s + max(LEAST_TOLD_S, source.last_step_s):
        raise ValueError(
            f"{cast.at(line.line)}: lasts from {clock(span.start_s, 2)} to {clock(span.end_s, 2)}, the video until "
            f"{clock(source.length_s, 2)}; give times in the video, or --fit loop or hold for a longer dub"
        )
