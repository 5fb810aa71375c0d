"""Whose mouth the generated one follows: that of the audio it was given, or that of the video it is drawn into.

The opening is the distance of the inner lips in the 128-px crop (`assets.faces.landmarks.mouth_opening`), read from the
landmarks that LMD is measured with. Protocol ``opening``:

- ``opening_audio``: correlation of the generated opening with the true one of the recording whose audio was given, which is
  the clip itself (``audio = 'own'``) or the clip that lends its audio (``other``), fitted to the length as its audio is.
- ``opening_source``, for ``audio = 'other'``: correlation with the true opening of the clip that is drawn into. The method is
  to follow other audio there, so what correlates leaks from the source.
- ``silence_movement``: mean change of the opening from frame to frame where the given audio is silent.

In ``own`` the two recordings are one: its ``opening_audio`` may be reached by copying. Correlations count what moves together
at the same moment, not how far. The ground truth's rows tell what jitter of the detector and chance amount to.

Legend: T video frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.store.metrics import Metric
from cals_models.timebase import SAMPLES_PER_FRAME

PROTOCOL = "opening"
# Least number of frames that a correlation is taken over.
LEAST_FRAMES = 12
# A frame is silent so far below the loud ones of the audio (95th percentile), or below this level, full scale 1.
SILENT_BELOW, LOUD_PERCENTILE, SILENT_RMS = 10 ** (-30 / 20), 95, 0.001
# Shortest silence, and how long after its begin and before its end the mouth is still or already in motion, frames.
SHORTEST_SILENCE, SETTLING = 8, 2

Opening = NDArray[np.float32]


class UndefinedError(ValueError):
    """A metric has no value for a clip; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Openings:
    """Openings of one render and of the recordings that it came from.

    Args:
        generated: (T,) of the render, in units of the face's spread; NaN where no face was found.
        source: (T,) of the clip that it is drawn into.
        audio: (T,) of the recording whose audio was given.
        silent: bool (T,), frames in which that audio is silent.
        least_share: of frames with a face, below which there is no value.
    """

    generated: Opening
    source: Opening
    audio: Opening
    silent: NDArray[np.bool_]
    least_share: float


@dataclass(frozen=True, kw_only=True)
class OpeningMetric(Metric):
    """A metric of mouth openings; its evaluator is the detector of the landmarks.

    Args:
        of: the value of a render.
        other_only: measured with another clip's audio only.
    """

    of: Callable[[Openings], float]
    other_only: bool = False


def follows_audio(openings: Openings) -> float:
    """Correlation with the opening of the recording whose audio was given.

    Raises:
        UndefinedError: too few frames, or an opening that does not change.
    """
    return correlation(openings.generated, openings.audio, openings.least_share)


def follows_source(openings: Openings) -> float:
    """Correlation with the opening of the clip that is drawn into.

    Raises:
        UndefinedError: too few frames, or an opening that does not change.
    """
    return correlation(openings.generated, openings.source, openings.least_share)


def moves_in_silence(openings: Openings) -> float:
    """Mean change of the opening between two frames of a silence.

    Raises:
        UndefinedError: no silence, or no face in it.
    """
    inside = openings.silent[1:] & openings.silent[:-1]
    if not inside.any():
        raise UndefinedError(f"no silence of {SHORTEST_SILENCE} frames or more in the given audio")
    steps = np.abs(np.diff(openings.generated))[inside]
    known = steps[np.isfinite(steps)]
    if len(known) < max(openings.least_share * len(steps), 1):
        raise UndefinedError("no face found in most of the frames with silence")
    return float(known.mean())


def correlation(generated: Opening, true: Opening, least_share: float) -> float:
    """Pearson correlation of two openings (T,), over the frames in which both are known.

    Raises:
        UndefinedError: these are too few, or one of the openings is the same in all.
    """
    both = np.isfinite(generated) & np.isfinite(true)
    if both.sum() < max(LEAST_FRAMES, least_share * len(both)):
        raise UndefinedError(f"a face in both videos in {int(both.sum())} of {len(both)} frames: too few")
    one, other = generated[both].astype(np.float64), true[both].astype(np.float64)
    for values, which in ((one, "generated"), (other, "true")):
        if np.ptp(values) < 1e-6:
            raise UndefinedError(f"the {which} opening is the same in all frames")
    return float(np.corrcoef(one, other)[0, 1])


def silent_frames(audio: NDArray[np.int16]) -> NDArray[np.bool_]:
    """bool (T,): frames in the midst of a silence.

    Args:
        audio: int16 (640 T,), 16 kHz mono.
    """
    samples = audio.reshape(-1, SAMPLES_PER_FRAME).astype(np.float64) / 2**15
    level = np.sqrt((samples**2).mean(axis=1))
    quiet = level < max(SILENT_BELOW * float(np.percentile(level, LOUD_PERCENTILE)), SILENT_RMS)
    silent = np.zeros(len(level), np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        if end - start >= SHORTEST_SILENCE:
            silent[start + SETTLING * (start > 0) : end - SETTLING * (end < len(quiet))] = True
    return silent


OPENING_AUDIO = OpeningMetric(
    label="Opening, audio",
    unit="1",
    better="higher",
    decimals=2,
    description="correlation of the mouth's opening with that of the recording whose audio was given",
    of=follows_audio,
)
OPENING_SOURCE = OpeningMetric(
    label="Opening, source",
    unit="1",
    better="lower",
    decimals=2,
    description="correlation of the mouth's opening, given another clip's audio, with that of the clip drawn into: how far "
    "the source leaks",
    of=follows_source,
    other_only=True,
)
SILENCE_MOVEMENT = OpeningMetric(
    label="Movement in silence",
    unit="1",
    better="lower",
    decimals=4,
    description="mean change of the mouth's opening from frame to frame where the given audio is silent, in units of the "
    "face's spread; the ground truth's own-audio row is natural",
    of=moves_in_silence,
)
