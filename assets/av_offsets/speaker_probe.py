"""The offset probe as judge of who speaks: lips that go with the audio at some offset, clearly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.av_offsets.probe_source import ProbeSource, probe_source
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import timed_clip
from assets.faces.crop_clip import crop_clip
from assets.faces.settings import CropSettings
from assets.faces.speaker_probe import Footage, TrackedFace
from assets.media.audio import FULL_SCALE, read_audio
from assets.media.other_audio import other_audio
from assets.media.probe import probe
from assets.mels.settings import MelSettings
from assets.workers.rejected import Rejected
from cals_models.timebase import SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from assets.project.settings import Project

STAGE = "face_tracks"
# Crops and mels as the defaults have them: the choice of a face depends on no settings of other stages.
CROPS, MELS, OFFSETS = CropSettings(), MelSettings(), AvOffsetSettings()


def speaker_probe(project: Project, dataset: str) -> LipProbe | None:
    """The probe that a dataset's settings name; None where it is not trained yet.

    Raises:
        ValueError: the settings name the dataset's own sync encoder.
    """
    try:
        source = probe_source(project, dataset)
    except FileNotFoundError:
        return None
    return None if source is None else LipProbe(source=source)


@dataclass(frozen=True, kw_only=True)
class LipProbe:
    """See ``assets.faces.speaker_probe.SpeakerProbe``.

    Args:
        source: the network.
    """

    source: ProbeSource

    @property
    def digest(self) -> str:
        return self.source.digest

    def confidences(self, footage: Footage, faces: Sequence[TrackedFace]) -> list[float | None]:
        """Confidence of each face's offset where it is sure; None too where the clip has no usable audio.

        Of a file with several audio streams the one with which a face's lips go most surely.
        """
        audios = [_audio(pcm) for pcm in _tracks(footage)]
        found = [[self._confidence(face, audio) for audio in audios] for face in faces]
        return [max((one for one in some if one is not None), default=None) for some in found]

    def _confidence(self, face: TrackedFace, audio: dict[str, object]) -> float | None:
        from assets.av_offsets.probes import open_probe

        num_frames = audio["num_frames"]
        assert isinstance(num_frames, int)
        try:
            crops = crop_clip(face.images, face.track, CROPS, num_frames)
        except Rejected:
            return None
        estimate = open_probe(self.source).measure(timed_clip(crops, audio), OFFSETS)
        return None if estimate is None or not estimate.is_sure else round(estimate.confidence, 4)


def _tracks(footage: Footage) -> Iterator[NDArray[np.int16]]:
    """Samples of each usable audio stream."""
    try:
        main = probe(footage.path, footage.limits, stage=STAGE)
        candidates = [main, *other_audio(main, stage=STAGE)]
    except Rejected:  # the mels say why
        return
    for candidate in candidates:
        with suppress(Rejected):
            yield read_audio(candidate, footage.span, stage=STAGE).samples


def _audio(pcm: NDArray[np.int16]) -> dict[str, object]:
    from assets.mels.mel import log_mel

    mel = log_mel((pcm / np.float32(FULL_SCALE)).astype(np.float32), MELS).astype(np.float16)
    return {"num_frames": len(pcm) // SAMPLES_PER_FRAME, "mel": mel.tobytes(), "pcm": pcm.tobytes()}
