"""Who speaks in a video: the face whose lips go with the video's own audio, by the network that measures offsets.

Legend: T ticks of 25 a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.av_offsets.probe_source import ProbeSource, probe_source
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import TimedClip
from assets.faces.packed_jpegs import pack_jpegs
from assets.faces.settings import CropSettings
from assets.media.limits import ProbeLimits
from assets.mels.settings import MelSettings
from assets.store.current_model import find_current_model
from cals_models.shards.shard_format import BASE_CROP_PX, NUM_LANDMARKS
from cals_models.timebase import FPS, MELS_PER_FRAME, SAMPLES_PER_FRAME
from pipelines.dubbing.choose_faces import Face, Stretch, listed, stretches_of
from pipelines.dubbing.cut_crop import cut_crop
from pipelines.dubbing.dub_audio import dub_mel, read_audio
from pipelines.dubbing.frame_plan import FrameLog
from pipelines.dubbing.source_video import SourceVideo, read_frames

if TYPE_CHECKING:
    from assets.project.settings import Project

SPEAKER_S = 60.0
"""Of a face's longest stretch in view, so much is compared with the audio."""
OFFSETS = AvOffsetSettings()
NO_PROBE = "the home holds no sync encoder of the model's dataset to tell who speaks (cals run --to sync_encoder trains it)"


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """The face that speaks.

    Args:
        number: of the face, from 1 on.
        why: in words.
    """

    number: int
    why: str


def find_probe(project: Project, dataset: str) -> ProbeSource | None:
    """The network that judges: the offset probe of a dataset's settings, else the dataset's own sync encoder.

    Args:
        project: with the home of trained models.
        dataset: that the dub's generator was trained on.
    """
    if dataset in project.datasets:
        with suppress(FileNotFoundError, ValueError):
            named = probe_source(project, dataset)
            if named is not None:
                return named
    own = find_current_model(project.home.model("sync_encoder", dataset))
    if own is None:
        return None
    description = json.loads((own / "model.json").read_text(encoding="utf-8"))
    return ProbeSource(kind="sync_encoder", path=own, digest=str(description["weights_sha256"]))


def find_speaker(
    faces: Sequence[Face],
    source: SourceVideo,
    log: FrameLog,
    probe: ProbeSource | None,
    crops: CropSettings,
    mels: MelSettings,
    limits: ProbeLimits,
) -> Speaker:
    """The face that clearly speaks.

    Args:
        faces: of ``find_faces``.
        source: with audio of its own.
        log: of the frames that were searched.
        probe: of ``find_probe``.
        crops, mels: settings of the model's data.
        limits: of the file.

    Raises:
        ValueError: nobody, or more than one, clearly speaks, with the numbers; or it can't be told.
    """
    if len(faces) == 1:
        return Speaker(number=1, why="the only face")
    advice = f"choose with --face N: {listed(faces)}"
    if probe is None:
        raise ValueError(f"{source.path}: {NO_PROBE}; {advice}")
    if source.photograph is not None or source.animation is not None:
        raise ValueError(f"{source.path}: has no audio of its own that shows who speaks; {advice}")
    try:
        mono = read_audio(source.path, limits).mono
    except ValueError as error:
        raise ValueError(f"{error}; it would show who speaks; {advice}") from error
    size = (source.width, source.height)
    views = [_View(stretches_of(face, log, size, crops, BASE_CROP_PX), log) for face in faces]
    _cut(views, source, crops.jpeg_quality)
    mel = dub_mel(mono, len(log.tick_frames), mels)
    found = [view.confidence(probe, mel, mono) for view in views]
    text = ", ".join(f"face {number}: {value}" for number, (value, _) in enumerate(found, start=1))
    sure = [number for number, (_, is_sure) in enumerate(found, start=1) if is_sure]
    least = OFFSETS.min_distance_drop if probe.kind == "syncnet" else OFFSETS.min_peak_clearness
    if len(sure) != 1:
        who = "nobody's lips" if not sure else "the lips of several faces"
        raise ValueError(
            f"{source.path}: {who} clearly go with its audio ({text}; sure from {least:g} on); {advice}"
        )
    return Speaker(number=sure[0], why=f"its lips go with the video's audio ({text}; sure from {least:g} on)")


class _View:
    """A face in its longest stretch in view."""

    def __init__(self, stretches: Sequence[Stretch], log: FrameLog) -> None:
        """Takes the stretches of one face and the frames at all ticks."""
        shown = np.array(log.tick_frames)
        covered: list[NDArray[np.int64]] = [
            np.flatnonzero((shown >= s.first_frame) & (shown < s.first_frame + len(s.transforms)))
            for s in stretches
        ]
        longest = max(range(len(covered)), key=lambda place: len(covered[place]), default=None)
        self.stretch = None if longest is None else stretches[longest]
        self.ticks = np.zeros(0, np.int64) if longest is None else covered[longest][: round(SPEAKER_S * FPS)]
        self.frames = [int(frame) for frame in shown[self.ticks]]
        self.jpegs: list[bytes] = []

    def confidence(
        self, probe: ProbeSource, mel: NDArray[np.float32], mono: NDArray[np.int16]
    ) -> tuple[str, bool]:
        """How sure the probe is that the lips go with the audio, in its own unit and in words, and whether it is sure."""
        from assets.av_offsets import probes

        if not len(self.ticks):
            return "not in view", False
        first, end = int(self.ticks[0]), int(self.ticks[-1]) + 1
        num = end - first
        assert self.stretch is not None
        own = mono[first * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME]
        clip = TimedClip(
            mjpeg=b"".join(self.jpegs),
            jpeg_offsets=np.concatenate([[0], np.cumsum([len(one) for one in self.jpegs])]).astype(np.int64),
            landmarks=np.zeros((num, NUM_LANDMARKS, 2), np.float32),
            boxes=np.zeros((num, 4), np.float32),
            valid=np.ones(num, bool),
            mel=mel[:, MELS_PER_FRAME * first : MELS_PER_FRAME * end].astype(np.float16),
            pcm=np.pad(own, (0, num * SAMPLES_PER_FRAME - len(own))),
        )
        estimate = probes.open_probe(probe).measure(clip, OFFSETS)
        if estimate is None:
            return f"{num / FPS:.1f} s are too short", False
        return f"{estimate.confidence:.1f}", estimate.is_sure


def _cut(views: Sequence[_View], source: SourceVideo, jpeg_quality: int) -> None:
    """Fills the JPEGs of the views, one a tick, in one pass over the source."""
    last = max((view.frames[-1] for view in views if view.frames), default=-1)
    for frame in read_frames(source):
        if frame.index > last:
            return
        for view in views:
            num_ticks = view.frames.count(frame.index)
            if view.stretch is not None and num_ticks:
                crop = cut_crop(frame.decoded, view.stretch.transform(frame.index), BASE_CROP_PX)
                view.jpegs += [pack_jpegs([crop], jpeg_quality)[0]] * num_ticks
