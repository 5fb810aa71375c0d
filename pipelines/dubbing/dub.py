"""Dubs a video: a face in any video, or in one photograph, speaks any audio.

Two passes over the video: the first finds and follows faces, the second draws. Neither keeps frames, so memory grows
with the length only by the landmarks, the 16 kHz audio, its mel and units (about 5 kB a frame).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from assets.faces.backends.interface import FaceBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.atomic_files import replacing
from assets.project.home import Home
from cals_models.shards.shard_format import BASE_CROP_PX
from pipelines.dubbing.cast_audio import CastAudio
from pipelines.dubbing.cast_table import Cast
from pipelines.dubbing.choose_faces import Face, Stretch, find_faces, stretches_of
from pipelines.dubbing.content_credentials import configured_key, sign_video
from pipelines.dubbing.dub_audio import read_audio
from pipelines.dubbing.dub_result import DubResult, result_row
from pipelines.dubbing.dubbed_frames import DubbedFrames
from pipelines.dubbing.enlarged_faces import enlarged_faces
from pipelines.dubbing.face_looks import read_looks
from pipelines.dubbing.find_speaker import find_speaker
from pipelines.dubbing.frame_plan import FrameLog, FramePlan, frames_at_ticks, plan_frames
from pipelines.dubbing.generate_mouths import MouthGenerator
from pipelines.dubbing.mouth_readings import MouthReadings
from pipelines.dubbing.one_audio import OneAudio
from pipelines.dubbing.output_format import container_of
from pipelines.dubbing.place_audio import place_audio
from pipelines.dubbing.plan_writing import plan_writing
from pipelines.dubbing.process_memory import return_freed_memory
from pipelines.dubbing.provenance import Origin, append_row, sha256_of
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceFrame, SourceVideo, open_source, read_frames
from pipelines.dubbing.spoken import Speaking, Spoken
from pipelines.dubbing.write_video import Writing, write_video, writing_errors

if TYPE_CHECKING:
    from assets.av_offsets.probe_source import ProbeSource
    from cals_models.inference.frame_generator import UnitGenerator

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, kw_only=True)
class DubInputs:
    """The files of a dub.

    Args:
        video: a video or a photograph.
        audio: an audio file, or a video with audio; None with a cast.
        cast: several faces with several audios.
        out: where the result goes; ends in ``.mp4``, ``.mkv`` or ``.mov``, or in anything where ``container`` is given.
        container: mp4, mkv or mov; None for what the name of ``out`` says.
    """

    video: Path
    audio: Path | None = None
    out: Path
    container: str | None = None
    cast: Cast | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "container", container_of(self.out, self.container))
        for given in self.given:
            if self.out.exists() and given.exists() and self.out.samefile(given):
                raise ValueError(
                    f"{self.out}: is one of the inputs; give another name, inputs are never written to"
                )

    @property
    def audios(self) -> tuple[Path, ...]:
        """Each audio file."""
        if self.cast is not None:
            return self.cast.audios
        assert self.audio is not None, "an audio or a cast"
        return (self.audio,)

    @property
    def given(self) -> tuple[Path, ...]:
        """All files that are read."""
        return (self.video, *self.audios, *(() if self.cast is None else (self.cast.path,)))


@dataclass(frozen=True, kw_only=True)
class DubModel:
    """A trained generator, and how its training data was tracked, cropped and turned into mels; a dub does the same.

    Args:
        generator: with its weights.
        folder: that it was loaded from.
        tracks, crops, mels: settings of the stages.
        probe: tells who speaks, where that is asked for and such a network is trained.
    """

    generator: UnitGenerator
    folder: Path
    tracks: TrackSettings
    crops: CropSettings
    mels: MelSettings
    probe: ProbeSource | None = None


def make_dub(
    inputs: DubInputs,
    model: DubModel,
    backend: FaceBackend,
    settings: DubSettings,
    home: Home,
    progress: Progress,
) -> DubResult:
    """Dubs a video and records it.

    Args:
        inputs: files.
        model: the generator with the settings of its data.
        backend: finds faces.
        settings: of the dub.
        home: where the row goes.
        progress: gives a bar for a title and a number of frames.

    Raises:
        ValueError: bad input, in one line that names the file; nothing is written then.
    """
    began = time.monotonic()
    key = configured_key()
    container = container_of(inputs.out, inputs.container)
    source, origin = open_source(inputs.video, settings.limits), _origin(inputs, model.generator)
    template = next(read_frames(source))
    writing = plan_writing(inputs.out, container, source, template, settings, origin.metadata())
    first = _first_pass(source, inputs, model, backend, settings, progress)
    rests = [first.spoken.voices[stretch.voice].rest for stretch in first.stretches]
    looks = read_looks(first.stretches, rests, model.generator.crop_px)
    mouths = _mouth_generator(model, first, settings)
    readings = MouthReadings(backend, first.stretches, first.plan.num_ticks)
    dubbed = DubbedFrames(source, first.plan, readings, mouths, settings, looks, writing.pixel_format)
    with progress("drawing", first.plan.num_frames) as advance, replacing(inputs.out) as temporary:
        with writing_errors(inputs.out):
            write_video(
                temporary,
                dubbed.frames(advance),
                first.plan,
                first.spoken.output,
                source=source,
                template=template,
                writing=writing,
            )
        if key is not None:
            with replacing(temporary) as signed:
                sign_video(temporary, signed, origin, key)
        result = _result(inputs, origin, first, writing, dubbed, began=began, is_signed=key is not None)
        append_row(
            home,
            result_row(inputs, origin, result, first.source, first.spoken, settings, model.folder, temporary),
        )
    return result


@dataclass(frozen=True, kw_only=True)
class _FirstPass:
    """What is known before the first frame is drawn.

    Args:
        faces: the chosen ones.
        stretches: their positions in the source's frames.
        speaker: why the face was chosen, where the one who speaks was asked for; None elsewhere.
        plan: the frames of the output.
        spoken: on their time line.
        fit_changes: what of the video and the audio is left out, repeated or held, in words.
    """

    source: SourceVideo
    faces: list[Face]
    stretches: list[Stretch]
    speaker: str | None
    plan: FramePlan
    spoken: Spoken
    fit_changes: tuple[str, ...]


def _first_pass(
    source: SourceVideo,
    inputs: DubInputs,
    model: DubModel,
    backend: FaceBackend,
    settings: DubSettings,
    progress: Progress,
) -> _FirstPass:
    speaking = _speaking(inputs, source, settings)
    log = FrameLog()
    found = search_faces(
        source, log, speaking.searched_s(settings), backend, model.tracks, progress, model.generator.crop_px
    )
    speaker: str | None = None
    if settings.speaker:
        one = find_speaker(found, source, log, model.probe, model.crops, model.mels, settings.limits)
        settings, speaker = replace(settings, faces=(one.number,), speaker=False), one.why
    faces = speaking.chosen(found, settings, source)
    plan = plan_frames(log, speaking.length_s(log), settings.fit, photograph=source.photograph is not None)
    stretches = _stretches(source, log, faces, model, speaking)
    return _FirstPass(
        source=source,
        faces=faces,
        stretches=stretches,
        speaker=speaker,
        plan=plan,
        spoken=speaking.spoken(plan, faces, stretches, settings),
        fit_changes=speaking.fit_changes(plan, source),
    )


def _speaking(inputs: DubInputs, source: SourceVideo, settings: DubSettings) -> Speaking:
    if inputs.cast is not None:
        return CastAudio(cast=inputs.cast, placed=place_audio(inputs.cast, source, settings))
    return OneAudio(audio=read_audio(inputs.audios[0], settings.limits))


def search_faces(
    source: SourceVideo,
    log: FrameLog,
    until_s: float,
    backend: FaceBackend,
    tracks: TrackSettings,
    progress: Progress,
    crop_px: int = BASE_CROP_PX,
) -> list[Face]:
    """Finds the faces in the frames before ``until_s``; fills the log.

    Raises:
        ValueError: no face.
    """
    num_frames = int(min(source.num_frames, until_s * source.frame_rate + 1))
    with progress("finding faces", num_frames) as advance:
        frames = takewhile(lambda frame: frame.time_s < until_s, _counted(read_frames(source), advance))
        at_ticks = frames_at_ticks(frames, log, source.last_step_s)
        return find_faces(at_ticks, backend, tracks, source.path, crop_px)


def _counted(frames: Iterator[SourceFrame], advance: Callable[[int], None]) -> Iterator[SourceFrame]:
    for frame in frames:
        yield frame
        advance(1)


def _stretches(
    source: SourceVideo, log: FrameLog, faces: Sequence[Face], model: DubModel, speaking: Speaking
) -> list[Stretch]:
    size, crops = (source.width, source.height), model.crops
    stretches = []
    for number, face in enumerate(faces):
        found = stretches_of(face, log, size, crops, model.generator.crop_px)
        if not found:
            which = f" {face.text()}" if len(faces) > 1 else ""
            raise ValueError(
                f"{source.path}: more than {crops.max_padding_share:.0%} of the crop of the face{which} lies outside the "
                "frame; give a video with more room around the face"
            )
        stretches += [replace(stretch, voice=speaking.voice_of(number)) for stretch in found]
    return stretches


def _mouth_generator(model: DubModel, first: _FirstPass, settings: DubSettings) -> MouthGenerator:
    mouths = MouthGenerator(
        model.generator,
        [voice.mono for voice in first.spoken.voices],
        model.mels,
        num_ticks=first.plan.num_ticks,
        stretch_voices=[stretch.voice for stretch in first.stretches],
        batch_frames=settings.batch_frames,
    )
    return_freed_memory()  # of the search and of the mel
    return mouths


def _origin(inputs: DubInputs, generator: UnitGenerator) -> Origin:
    return Origin(
        dub_id=uuid.uuid4().hex,
        dataset=generator.dataset,
        method=generator.method,
        weights_sha256=generator.weights_sha256,
        video_sha256=sha256_of(inputs.video),
        audio_sha256=sha256_of(inputs.audio)
        if inputs.audio is not None
        else tuple(map(sha256_of, inputs.audios)),
    )


def _result(
    inputs: DubInputs,
    origin: Origin,
    first: _FirstPass,
    writing: Writing,
    dubbed: DubbedFrames,
    *,
    began: float,
    is_signed: bool,
) -> DubResult:
    return DubResult(
        followed=dubbed.followed(),
        dub_id=origin.dub_id,
        out=inputs.out,
        num_frames=first.plan.num_frames,
        num_dubbed_frames=dubbed.num_dubbed,
        duration_s=first.plan.end_s,
        seconds=time.monotonic() - began,
        faces=tuple(face.text() for face in first.faces),
        speaker=first.speaker,
        is_signed=is_signed,
        written=writing.text,
        kept=writing.tracks.kept,
        dropped=writing.tracks.dropped,
        fit_changes=first.fit_changes,
        frame_changes=writing.changes,
        audio_changes=first.spoken.changes,
        without_speech=first.spoken.without_speech,
        enlarged=enlarged_faces(first.stretches, dubbed.crop_px),
        num_bridged_frames=dubbed.num_bridged,
        num_covered_frames=dubbed.num_covered,
        cast=first.spoken.lines,
    )
