"""Whether the lips of a face go with the clip's audio, as the network that `av_offsets.probe` names sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assets.faces.stored_track import FaceTrack
from assets.media.limits import ProbeLimits
from assets.media.timeline import Span
from cals_models.digests import digest_of

if TYPE_CHECKING:
    from assets.project.settings import Project


@dataclass(frozen=True, kw_only=True)
class Footage:
    """The part of a file in which faces were found.

    Args:
        path: the file.
        limits: checked before it is read.
        span: the part, at 25 fps.
    """

    path: Path
    limits: ProbeLimits
    span: Span


@dataclass(frozen=True, kw_only=True)
class TrackedFace:
    """One face of a clip: its track, and RGB of the track's regions, uint8 (h, w, 3), one a frame."""

    track: FaceTrack
    images: Sequence[NDArray[np.uint8]]


class SpeakerProbe(Protocol):
    """Compares lips with audio. It is passed to worker processes."""

    @property
    def digest(self) -> str:
        """Of the network's weights."""
        ...

    def confidences(self, footage: Footage, faces: Sequence[TrackedFace]) -> list[float | None]:
        """How sure the network is that each face's lips go with the audio, in its own unit; None where it is not sure."""
        ...


def no_probe(project: Project, dataset: str) -> None:
    """No probe: the face is chosen by mouth motion, size and place."""
    return None


def choice_digest(clip: str, probe: SpeakerProbe | None) -> str:
    """Digest of what the choice among several faces depends on: the clip's part of the file, and the probe."""
    return digest_of(clip, "none" if probe is None else probe.digest)
