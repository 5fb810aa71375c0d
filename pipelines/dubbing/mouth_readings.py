"""What the mouths of a dub follow: their opening beside the source's own mouth, and beside the audio alone.

The openings are read from the drawn crops, a part of the ticks. What the audio alone asks for is what the model draws for it
into one still frame with a closed mouth: nothing but the audio moves there. That shows whether the drawn mouths follow the
audio or the video; it does not show that the model draws the right mouths, which the metrics of its test clips do.

Legend: T ticks of 25 a second, S side of a crop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.faces.landmarks import Points, boxes_of, mouth_opening
from assets.metrics.opening_metrics import UndefinedError, correlation
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.generate_mouths import Crop, MouthGenerator

# Which ticks are read: by a detector that is quick, in a dub of fewer than SHORT_TICKS, and by one that is a network.
READ_EVERY, READ_IN_SHORT_EVERY, READ_BY_NETWORK_EVERY, SHORT_TICKS = 4, 2, 16, 125
# Which of the ticks that are read are drawn into a still frame as well, if that makes so many; in a dub that is shorter more
# of them are, and in one of fewer than LEAST_TICKS none.
STILL_EVERY, LEAST_STILLS, LEAST_TICKS = 16, 16, 32
# Readings of a stretch below which it does not count, and the side to which a crop is enlarged for the detector.
LEAST_READINGS, READ_PX = 12, 256


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What the mouths of a dub follow.

    Args:
        audio: correlation of the drawn opening with what the model draws for the audio into a still frame; None where that
            is not known: a photograph, too short, or the model draws the same mouth throughout.
        source: correlation of the drawn opening with that of the source's own mouth; None where that does not move, or the
            dub is too short.
        at_rest: mean drawn opening where the mouths rest, in units of the source's closed mouth (5th percentile of its
            opening); None where nothing rests.
    """

    audio: float | None = None
    source: float | None = None
    at_rest: float | None = None

    def text(self) -> str | None:
        """In words; None where nothing is known."""
        told = []
        if self.audio is not None:
            told.append(
                f"by {self.audio:.2f} what the model draws for the audio alone (correlation of openings)"
            )
        if self.source is not None:
            told.append(f"by {self.source:.2f} the source's own mouth")
        words = [f"the mouth follows {', '.join(told)}"] if told else []
        if self.at_rest is not None:
            words.append(f"at rest it is open {self.at_rest:.2f} times as far as the source's closed mouth")
        return "; ".join(words) or None


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """One drawn mouth: which tick, its opening, the source's, and how far it is at rest."""

    tick: int
    drawn: float
    source: float
    rest: float


class MouthReadings:
    """Reads the openings of drawn mouths while they are drawn."""

    def __init__(self, backend: FaceBackend, stretches: Sequence[Stretch], num_ticks: int) -> None:
        """Takes a detector of landmarks, the positions of the faces, and the length of the dub."""
        self.stretches = stretches
        self._backend = backend
        if backend.batch_frames > 1:
            self._every = READ_BY_NETWORK_EVERY
        else:
            self._every = READ_EVERY if num_ticks >= SHORT_TICKS else READ_IN_SHORT_EVERY
        self._points = [stretch.landmarks for stretch in stretches]
        self._opening = [mouth_opening(points) for points in self._points]
        self._readings: dict[int, list[_Reading]] = defaultdict(list)
        self._stills: dict[int, tuple[int, Crop, Crop]] = {}

    def add(self, tick: int, place: int, number: int, mouth: Crop, rest: float) -> None:
        """Reads a drawn mouth, if its tick is one of those that are read; the first of a tick.

        Args:
            tick: when, in order.
            place: number of the stretch.
            number: of the frame in the stretch.
            mouth: (S, S, 3) RGB.
            rest: how far it is at rest, 0 to 1.
        """
        earlier = self._readings[place]
        if tick % self._every or (earlier and earlier[-1].tick == tick):
            return
        drawn = self._read(mouth, self._points[place][number])
        source = float(self._opening[place][number])
        earlier.append(_Reading(tick=tick, drawn=drawn, source=source, rest=rest))

    def keep_still(self, place: int, number: int, true: Crop, reference: Crop) -> None:
        """Keeps the first frame of a stretch, (S, S, 3) RGB, and the same with its mouth closed."""
        self._stills.setdefault(place, (number, true, reference))

    def followed(self, mouths: MouthGenerator) -> Followed:
        """What the mouths followed, when all are drawn.

        Args:
            mouths: draws into still frames.
        """
        spoken = {place: [one for one in some if one.rest == 0] for place, some in self._readings.items()}
        moving = {
            place: some
            for place, some in spoken.items()
            if len(some) >= LEAST_READINGS and self._moves(place)
        }
        return Followed(
            audio=_pooled(self._beside_stills(moving, mouths)),
            source=_pooled([_pair(some, [one.source for one in some]) for some in moving.values()]),
            at_rest=self._at_rest(),
        )

    def _moves(self, place: int) -> bool:
        """Whether the stretch shows more than one photograph."""
        return bool(np.ptp(self._points[place], axis=0).any())

    def _beside_stills(
        self, moving: Mapping[int, Sequence[_Reading]], mouths: MouthGenerator
    ) -> list[NDArray[np.float32]]:
        """For each stretch (2, n) openings, as drawn and as drawn into its still frame."""
        num = sum(map(len, moving.values()))
        if num * self._every < LEAST_TICKS:
            return []
        step = max(1, min(STILL_EVERY // self._every, num // LEAST_STILLS))
        pairs = []
        for place, readings in moving.items():
            number, true, reference = self._stills[place]
            some = readings[::step]
            drawn = mouths.generate_still(place, true, reference, [one.tick for one in some])
            pairs.append(_pair(some, [self._read(crop, self._points[place][number]) for crop in drawn]))
        return pairs

    def _at_rest(self) -> float | None:
        resting = []
        for place, readings in self._readings.items():
            closed = float(np.percentile(self._opening[place], 5))
            resting += [one.drawn / closed for one in readings if one.rest == 1 and closed > 0]
        return float(np.mean(resting)) if resting else None

    def _read(self, crop: Crop, points: Points) -> float:
        large = cv2.resize(crop, (READ_PX, READ_PX), interpolation=cv2.INTER_LINEAR)
        image = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY) if self._backend.reads_luma else large
        found: Points = self._backend.landmarks([image], [boxes_of(points) * (READ_PX / len(crop))])[0]
        return float(mouth_opening(found))


def _pair(readings: Sequence[_Reading], other: Sequence[float]) -> NDArray[np.float32]:
    """(2, n) openings about their means, as drawn and of something else."""
    both = np.array([[one.drawn for one in readings], other], np.float32)
    centred: NDArray[np.float32] = both - both.mean(axis=1, keepdims=True)
    return centred


def _pooled(pairs: Sequence[NDArray[np.float32]]) -> float | None:
    """Correlation over all stretches; None where it is not defined."""
    if not pairs:
        return None
    drawn, other = np.concatenate(pairs, axis=1)
    try:
        return correlation(drawn, other, least_share=0)
    except UndefinedError:
        return None
