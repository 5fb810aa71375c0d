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
    told = told_rest(without_speech(mono, speech, plan.end_s), wanted=wanted)
    weights = rest_weights(speech, plan.num_ticks) if wanted else np.zeros(plan.num_ticks, np.float32)
    return Rest(weights=weights, without_speech=told)


def told_rest(without_speech: str | None, *, wanted: bool) -> str | None:
    """Where no speech was found, with what the mouth does there."""
    if without_speech is None:
        return None
    does = "the mouth rests there" if wanted else "the mouth follows the audio all the same"
    return f"{without_speech}: {does}"


def rest_weights(speech: Sequence[Span], num_ticks: int) -> NDArray[np.float32]:
    """(T,) how far a mouth is at rest: where there is no speech for ``SHORTEST_REST_S``.

    Args:
        speech: spans, in order.
        num_ticks: T.
    """
    weights = np.zeros(num_ticks, np.float32)
    end_s = num_ticks / FPS
    for gap in gaps_between(speech, end_s, SHORTEST_REST_S):
        start_s = gap.start_s + AFTER_SPEECH_S if gap.start_s > 0 else 0.0
        until_s = gap.end_s - BEFORE_SPEECH_S if gap.end_s < end_s else end_s
        weights = np.maximum(weights, eased(Span(start_s=start_s, end_s=until_s), num_ticks, CLOSING_S))
    return weights


def eased(span: Span, num_ticks: int, easing_s: float) -> NDArray[np.float32]:
    """(T,) 1 inside a span and 0 outside of it, with a soft change of ``easing_s`` inside, but at the start and the end of all.

    Args:
        span: seconds.
        num_ticks: T.
        easing_s: length of the change.
    """
    middles = (np.arange(num_ticks) + 0.5) / FPS
    since = middles - span.start_s if span.start_s > 0 else np.inf
    until = span.end_s - middles if span.end_s < num_ticks / FPS else np.inf
    inside = np.clip(np.minimum(since, until) / easing_s, 0, 1)
    return (inside * inside * (3 - 2 * inside)).astype(np.float32) * np.ones(num_ticks, np.float32)
