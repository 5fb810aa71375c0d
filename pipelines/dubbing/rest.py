"""Mouths at rest: where the audio holds no speech, the dub shows the face's own closed mouth from the source.

Legend: T ticks of 25 a second, S side of a crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cals_models.timebase import FPS
from pipelines.dubbing.closed_mouths import ClosedMouths
from pipelines.dubbing.find_speech import Span, find_speech, gaps_between, without_speech
from pipelines.dubbing.frame_plan import FramePlan
from pipelines.dubbing.match_colours import ColourMatch

# Shortest stretch without speech in which the mouth comes to rest; a shorter pause is the model's.
SHORTEST_REST_S = 0.4
# After speech the mouth starts to close, and before it, it has begun to open.
AFTER_SPEECH_S, BEFORE_SPEECH_S = 0.08, 0.08
CLOSING_S = 0.16


@dataclass(frozen=True, kw_only=True)
class Rest:
    """How far the mouth of a face is at rest at each tick, and where it is drawn at all.

    Args:
        weights: (T,) from 0, the model's mouth, to 1, the source's closed mouth.
        without_speech: where no speech was found, and what the mouth does there, in words; None if nowhere.
        shown: (T,) from 0, the source's own mouth, to 1, the dub's; None where the dub's is shown throughout.
    """

    weights: NDArray[np.float32]
    without_speech: str | None = None
    shown: NDArray[np.float32] | None = None

    def weight(self, tick: int) -> float:
        return float(self.weights[tick])

    def share_shown(self, tick: int) -> float:
        """How far the dub's mouth is shown, 0 to 1; at 0 the frame is left as it is."""
        return 1.0 if self.shown is None else float(self.shown[tick])


class RestingMouths:
    """Draws the mouths of a dub at rest."""

    def __init__(
        self, rests: Sequence[Rest], closed: Sequence[ClosedMouths], mask: NDArray[np.float32]
    ) -> None:
        """Takes for each stretch when it rests, its closed mouths (none where nothing rests), and the paste's mask."""
        self._rests = rests
        self._closed = closed
        self._matches = [ColourMatch(mask) for _ in closed]

    def weight(self, tick: int, place: int) -> float:
        """How far the mouth of a stretch is at rest, 0 to 1; at 1 no generated mouth is needed."""
        return self._rests[place].weight(tick)

    def share_shown(self, tick: int, place: int) -> float:
        """How far the dub's mouth of a stretch is shown, 0 to 1."""
        return self._rests[place].share_shown(tick)

    def mouth(
        self, tick: int, place: int, number: int, true: NDArray[np.uint8], generated: NDArray[np.uint8] | None
    ) -> NDArray[np.uint8]:
        """The mouth (S, S, 3) RGB to show.

        Args:
            tick: when.
            place: number of the stretch.
            number: of the frame in the stretch.
            true: the source's crop (S, S, 3).
            generated: the model's crop (S, S, 3); may be missing where the weight is 1.
        """
        weight = self.weight(tick, place)
        if generated is not None and weight == 0:
            return generated
        closed = self._matches[place](self._closed[place].at(number, true), true)
        return closed if generated is None else cv2.addWeighted(closed, weight, generated, 1 - weight, 0)


def find_rest(mono: NDArray[np.int16], plan: FramePlan, *, wanted: bool) -> Rest:
    """When the mouths rest that follow one audio throughout.

    Args:
        mono: int16 (n,), 16 kHz: the audio of the dub.
        plan: of the frames.
        wanted: whether they rest at all; the words are given in any case.
    """
    speech = find_speech(mono)
    told = without_speech(mono, speech, plan.end_s)
    if told is not None:
        told += ": the mouth rests there" if wanted else ": the mouth follows the audio all the same"
    weights = rest_weights(speech, plan.num_ticks) if wanted else np.zeros(plan.num_ticks, np.float32)
    return Rest(weights=weights, without_speech=told)


def rest_weights(speech: Sequence[Span], num_ticks: int) -> NDArray[np.float32]:
    """(T,) how far a mouth is at rest: where there is no speech for ``SHORTEST_REST_S``.

    Args:
        speech: spans, in order.
        num_ticks: T.
    """
    weights = np.zeros(num_ticks, np.float32)
    end_s = num_ticks / FPS
    middles = (np.arange(num_ticks) + 0.5) / FPS
    for gap in gaps_between(speech, end_s, SHORTEST_REST_S):
        since = middles - gap.start_s - AFTER_SPEECH_S if gap.start_s > 0 else np.inf
        until = gap.end_s - BEFORE_SPEECH_S - middles if gap.end_s < end_s else np.inf
        inside = np.clip(np.minimum(since, until) / CLOSING_S, 0, 1)
        weights = np.maximum(weights, (inside * inside * (3 - 2 * inside)).astype(np.float32))
    return weights
