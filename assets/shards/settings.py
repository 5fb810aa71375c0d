"""Settings of the shards stage."""

from __future__ import annotations

from dataclasses import dataclass

TRAIN_CHECK = "train_is_not_empty"
HELD_OUT_CHECK = "val_and_test_are_not_empty"
"""Blocks the set's own trainings, not those of a set that names it in ``train_on``."""


@dataclass(frozen=True, kw_only=True)
class ShardSettings:
    """What goes into a shard, and how its sound is packed.

    Args:
        min_frames: clips with fewer video frames (25 fps) stay out: a training sample needs 5 frames in a row
            with 2 more on each side, and another one as the reference.
        flac_compression: effort of the lossless sound coder, 0 (fast) to 1 (small).
    """

    min_frames: int = 10
    flac_compression: float = 0.5

    def __post_init__(self) -> None:
        if self.min_frames < 1:
            raise ValueError(f"min_frames is {self.min_frames}; give 1 or more")
        if not 0.0 <= self.flac_compression <= 1.0:
            raise ValueError(f"flac_compression is {self.flac_compression}; give 0 (fast) to 1 (small)")
