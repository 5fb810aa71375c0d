"""Dubs a video: any face video, or one photograph, and any sound make a video whose mouth follows the sound.

Two passes over the video: the first finds and follows faces, the second draws. Neither keeps frames, so memory grows
with the length by no more than the landmarks, the 16 kHz sound, its mel and units (about 5 kB a frame).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.atomic_files import replacing
from assets.project.home import Home
from cals_models.shards.shard_format import CROP_PX
from pipelines.dubbing.canvas import Canvas
from pipelines.dubbing.content_credentials import configured_key, sign_video
from pipelines.dubbing.dub_audio import Sound, dub_mel, read_sound
from pipelines.dubbing.faces import Face, Stretch, choose_faces, find_faces, stretches_of
from pipelines.dubbing.mouths import ColourMatch, changed_share, cut_crop
from pipelines.dubbing.paste import lower_face_mask
from pipelines.dubbing.provenance import Origin, append_row, sha256_of
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import Source, SourceFrame, open_source, read_frames
from pipelines.dubbing.timing import FrameLog, FramePlan, plan_frames, tick_pictures
from pipelines.dubbing.writing import write_video, writing_errors

if TYPE_CHECKING:
    from cals_models.inference.lip_generator import LipGenerator

MORE_PICTURE_S = 2.0
"""How much picture beyond the end of the sound is looked at: of a very short sound too, a face is followed for a while."""
Mouths = dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.float32]]]
"""By frame of the output and stretch: a generated crop (S, S, 3) RGB, and the weight (S, S) of its pixels in that frame."""
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, kw_only=True)
class DubInputs:
    """What is dubbed, with what, to where.

    Args:
        video: a video or a photograph.
        audio: a sound file, or a video with sound.
        out: ends in ``.mp4``.
    """

    video: Path
    audio: Path
    out: Path

    def __post_init__(self) -> None:
        if self.out.suffix.lower() != ".mp4":
            raise ValueError(f"{self.out}: the video is written as MP4; give a name that ends in .mp4")
        if self.out.is_dir():
            raise ValueError(f"{self.out}: is a folder; give the name of a file")
        for given in (self.video, self.audio):
            if self.out.exists() and given.exists() and self.out.samefile(given):
                raise ValueError(
                    f"{self.out}: is one of the inputs; give another name, inputs are never written to"
                )


@dataclass(frozen=True, kw_only=True)
class PixelSettings:
    """How the model's training data was tracked, cut and heard; a dub does the same."""

    tracks: TrackSettings
    crops: CropSettings
    mels: MelSettings


@dataclass(frozen=True, kw_only=True)
class DubResult:
    """What was made.

    Args:
        num_frames: frames of the output; ``num_dubbed_frames`` of them with a generated mouth.
        duration_s: length of the output; ``seconds`` is how long the work took.
        is_signed: carries a C2PA manifest.
    """

    dub_id: str
    out: Path
    num_frames: int
    num_dubbed_frames: int
    duration_s: float
    seconds: float
    faces: tuple[str, ...]
    is_signed: bool

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of video; below 1 is faster than real time."""
        return self.seconds / self.duration_s


def make_dub(
    inputs: DubInputs,
    generator: LipGenerator,
    model_dir: Path,
    backend: FaceBackend,
    pixels: PixelSettings,
    settings: DubSettings,
    home: Home,
    progress: Progress,
) -> DubResult:
    """Dubs a video and records it.

    Args:
        inputs: files.
        generator: a trained model, of the folder ``model_dir``.
        backend: finds faces.
        pixels: how the model's training data was made.
        settings: of the dub.
        home: where the row goes.
        progress: gives a bar for a title and a number of frames.

    Raises:
        ValueError: bad input, in one line that names the file; nothing is written then.
    """
    began = time.monotonic()
    key = configured_key()
    source = open_source(inputs.video, settings.limits)
    sound = read_sound(inputs.audio, settings.limits)
    log = FrameLog()
    until_s = float("inf") if settings.fit == "hold" else sound.duration_s + MORE_PICTURE_S
    faces = _chosen_faces(source, log, until_s, backend, pixels, settings, progress)
    stretches = _stretches(source, log, faces, pixels)
    plan = plan_frames(log, sound.duration_s, settings.fit, photograph=source.photograph is not None)
    origin = Origin(
        dub_id=uuid.uuid4().hex,
        dataset=generator.dataset,
        method=generator.method,
        weights_sha256=generator.weights_sha256,
        video_sha256=sha256_of(inputs.video),
        audio_sha256=sha256_of(inputs.audio),
    )
    drawing = Drawing(source, plan, stretches, sound, generator, pixels.mels, settings)
    with progress("drawing", plan.num_frames) as advance, replacing(inputs.out) as temporary:
        with writing_errors(inputs.out):
            write_video(
                temporary,
                drawing.frames(advance),
                plan,
                sound,
                frame_rate=source.frame_rate,
                template=next(read_frames(source)).image,
                quality_crf=settings.quality_crf,
                metadata=origin.metadata(),
            )
        if key is not None:
            with replacing(temporary) as signed:
                sign_video(temporary, signed, origin, key)
        result = DubResult(
            dub_id=origin.dub_id,
            out=inputs.out,
            num_frames=plan.num_frames,
            num_dubbed_frames=drawing.num_dubbed,
            duration_s=plan.end_s,
            seconds=time.monotonic() - began,
            faces=tuple(face.text() for face in faces),
            is_signed=key is not None,
        )
        append_row(home, _row(inputs, origin, result, source, settings, model_dir, temporary))
    return result


def _chosen_faces(
    source: Source,
    log: FrameLog,
    until_s: float,
    backend: FaceBackend,
    pixels: PixelSettings,
    settings: DubSettings,
    progress: Progress,
) -> list[Face]:
    num_frames = int(min(source.num_frames, until_s * source.frame_rate + 1))
    with progress("finding faces", num_frames) as advance:
        frames = takewhile(lambda frame: frame.time_s < until_s, _told(read_frames(source), advance))
        pictures = tick_pictures(frames, log, float(1 / source.frame_rate))
        faces = find_faces(pictures, backend, pixels.tracks, source.path)
    return choose_faces(faces, settings.faces, source.path)


def _told(frames: Iterator[SourceFrame], advance: Callable[[int], None]) -> Iterator[SourceFrame]:
    for frame in frames:
        yield frame
        advance(1)


def _stretches(source: Source, log: FrameLog, faces: Sequence[Face], pixels: PixelSettings) -> list[Stretch]:
    size = (source.width, source.height)
    found = [s for face in faces for s in stretches_of(face, log, size, pixels.crops, CROP_PX)]
    if not found:
        raise ValueError(
            f"{source.path}: more than {pixels.crops.max_padding_share:.0%} of the face's crop lies outside the frame; "
            "give a video with more room around the face"
        )
    return found


class Drawing:
    """The second pass: frames of the output, in order."""

    def __init__(
        self,
        source: Source,
        plan: FramePlan,
        stretches: Sequence[Stretch],
        sound: Sound,
        generator: LipGenerator,
        mel_settings: MelSettings,
        settings: DubSettings,
    ) -> None:
        import torch

        from cals_models.speech_level import at_level

        self.num_dubbed = 0
        self._source = source
        self._plan = plan
        self._stretches = stretches
        self._generator = generator
        self._settings = settings
        self._mask = lower_face_mask(CROP_PX)
        self._matches = [ColourMatch(self._mask) for _ in stretches]
        mel = torch.from_numpy(dub_mel(sound.mono, plan.num_ticks, mel_settings))
        # A sound that is louder than those of the training would open the mouth further than any mouth does.
        self._units = generator.units_from_mel(
            mel if generator.speech_level is None else at_level(mel, generator.speech_level)
        )

    def frames(self, advance: Callable[[int], None]) -> Iterator[Any]:
        """Frames as the encoder takes them."""
        for batch in self._batches():
            mouths = self._draw(batch)
            for number, frame in batch:
                yield self._dubbed(number, frame, mouths)
                advance(1)

    def _batches(self) -> Iterator[list[tuple[int, SourceFrame]]]:
        """Frames of the output with their numbers, as many as need so many generated mouths."""
        batch: list[tuple[int, SourceFrame]] = []
        first_tick = 0
        for number, frame in enumerate(self._shown_frames()):
            tick = int(self._plan.ticks[number])
            if batch and tick >= first_tick + self._settings.batch_frames:
                yield batch
                batch = []
            if not batch:
                first_tick = tick
            batch.append((number, frame))
        yield batch

    def _shown_frames(self) -> Iterator[SourceFrame]:
        """The source's frames in the order of the plan; a loop begins the file again."""
        frames: Iterator[SourceFrame] = iter(())
        shown: SourceFrame | None = None
        for wanted in self._plan.source_frames:
            if shown is None or wanted < shown.index:
                frames = read_frames(self._source)
                shown = next(frames)
            while shown.index < wanted:
                shown = next(frames)
            yield shown

    def _draw(self, batch: list[tuple[int, SourceFrame]]) -> Mouths:
        """The mouths that a batch needs; the first frame of a tick gives its pose.

        It is its own reference, as in Wav2Lip's published inference: what is not moved by the sound stays where it is.
        Training shows the network references of other moments, so their mouths tell it little; in an evaluation, where
        the true mouth must not be seen, another frame is taken (`assets/renders/reference.py`).
        """
        import torch

        from cals_models.networks.generator import HIDDEN_TOP_ROW

        shown = {
            (number, place): cut_crop(frame.picture, stretch.transform(frame.index), CROP_PX)
            for number, frame in batch
            for place, stretch in self._covering(frame.index)
        }
        if not shown:
            return {}
        true: dict[tuple[int, int], NDArray[np.uint8]] = {}
        for (number, place), crop in shown.items():
            true.setdefault((int(self._plan.ticks[number]), place), crop)
        reference = np.stack(list(true.values()))
        pose = reference.copy()
        pose[:, HIDDEN_TOP_ROW:] = 0  # the generator hides them too; nothing to hide is safer
        drawn = self._generator.render_batches(
            torch.from_numpy(pose),
            torch.from_numpy(reference),
            self._units[[tick for tick, _ in true]],
            self._settings.batch_frames,
        )
        crops = np.concatenate([part.numpy() for part in drawn])
        made = {key: self._matches[key[1]](crop, true[key]) for key, crop in zip(true, crops, strict=True)}
        mouths: Mouths = {}
        for (number, place), crop in shown.items():
            mouth = made[(int(self._plan.ticks[number]), place)]
            mouths[(number, place)] = (mouth, self._mask * changed_share(mouth, crop))
        return mouths

    def _dubbed(self, number: int, frame: SourceFrame, mouths: Mouths) -> Any:
        canvas = Canvas(frame.image)
        is_dubbed = False
        for place, stretch in self._covering(frame.index):
            mouth, weight = mouths[(number, place)]
            canvas.paste(mouth, stretch.transform(frame.index), weight)
            is_dubbed = True
        self.num_dubbed += is_dubbed
        if self._settings.mark:
            canvas.mark()
        return canvas.frame()

    def _covering(self, frame: int) -> Iterator[tuple[int, Stretch]]:
        return ((place, s) for place, s in enumerate(self._stretches) if s.covers(frame))


def _row(
    inputs: DubInputs,
    origin: Origin,
    result: DubResult,
    source: Source,
    settings: DubSettings,
    model_dir: Path,
    written: Path,
) -> dict[str, Any]:
    return {
        "dub_id": origin.dub_id,
        "model_dataset": origin.dataset,
        "model_method": origin.method,
        "weights_sha256": origin.weights_sha256,
        "model_path": str(model_dir.absolute()),
        "video_path": str(inputs.video.absolute()),
        "video_sha256": origin.video_sha256,
        "audio_path": str(inputs.audio.absolute()),
        "audio_sha256": origin.audio_sha256,
        "output_path": str(inputs.out.absolute()),
        "output_sha256": sha256_of(written),
        "width_px": source.width // 2 * 2,
        "height_px": source.height // 2 * 2,
        "num_frames": result.num_frames,
        "num_dubbed_frames": result.num_dubbed_frames,
        "duration_s": result.duration_s,
        "fit": settings.fit,
        "faces_json": json.dumps(result.faces),
        "is_marked": settings.mark,
        "seconds": result.seconds,
    }
