"""Settings of the shards stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cals_models.declarations.bounds import Bound, Count
from cals_models.declarations.settings import Settings

TRAIN_CHECK = "train_is_not_empty"
HELD_OUT_CHECK = "val_and_test_are_not_empty"
"""Blocks the set's own trainings, not those of a set that names it in ``train_on``."""


@dataclass(frozen=True, kw_only=True)
class ShardSettings(Settings):
    """What goes into a shard, and how its audio is packed.

    Args:
        min_frames: clips with fewer video frames (25 fps) stay out: a training sample needs 5 frames in a row
            with 2 more on each side, and another one as the reference.
        flac_compression: effort of the lossless audio coder, 0 (fast) to 1 (small).
    """

    min_frames: Count = 10
    flac_compression: Annotated[float, Bound(at_least=0, at_most=1, text="0 (fast) to 1 (small)")] = 0.5
