"""Whose audio a clip is given for ``audio = 'other'``, and how that audio is fitted to the clip's length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cals_models.shards.shard_clip import ShardClip
from cals_models.timebase import MELS_PER_FRAME, SAMPLES_PER_FRAME

LOOK_AHEAD_CLIPS = 8


@dataclass(frozen=True, kw_only=True)
class FittedAudio:
    """A clip's audio, fitted to T frames.

    Args:
        audio: int16 (640 T,), 16 kHz mono.
        mel: float32 (80, 4T).
        fit: ``exact``, ``cut`` (it was longer) or ``looped`` (it was shorter and is repeated).
    """

    audio: NDArray[np.int16]
    mel: NDArray[np.float32]
    fit: Literal["exact", "cut", "looped"]


def with_partners(clips: Iterable[ShardClip]) -> Iterator[tuple[ShardClip, ShardClip | None]]:
    """Each clip with the clip that lends it its audio: the next in order; the last takes the first.

    The audio of a clip with the same words would not be wrong, so of the next 8 the first with another transcript is
    taken, where there is one. At most these clips are in memory.

    Args:
        clips: in an order that a seed decides.

    Yields:
        The clip and its partner; None where there is no other clip.
    """
    stream = iter(clips)
    first = list(islice(stream, LOOK_AHEAD_CLIPS + 1))
    waiting = deque(first)
    while waiting:
        clip = waiting.popleft()
        others = [other for other in (*waiting, *first) if other.key != clip.key][:LOOK_AHEAD_CLIPS]
        words = clip.meta.get("transcript")
        differing = [other for other in others if words is None or other.meta.get("transcript") != words]
        yield clip, next(iter(differing or others), None)
        waiting.extend(islice(stream, 1))


def fit_audio(clip: ShardClip, num_frames: int) -> FittedAudio:
    """The clip's audio and mel, cut to ``num_frames`` video frames or repeated to fill them."""
    repeats = -(-num_frames // clip.num_frames)
    return FittedAudio(
        audio=np.tile(clip.audio(), repeats)[: SAMPLES_PER_FRAME * num_frames],
        mel=np.tile(clip.mel, (1, repeats))[:, : MELS_PER_FRAME * num_frames],
        fit="exact" if clip.num_frames == num_frames else "cut" if clip.num_frames > num_frames else "looped",
    )
