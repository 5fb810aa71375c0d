"""What is measured of each clip by each trained method, clips side by side: Figures 2 and 3 share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.thread_map import map_in_threads
from cals_models.inference.frame_generator import UnitGenerator
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

Rows = list[dict[str, Any]]
ClipRows = Callable[[ShardClip, UnitGenerator, LandmarkCache, Any], Rows]


@dataclass(frozen=True, kw_only=True)
class TrainedMethods:
    """What generates, and what finds the landmarks of the generated frames.

    Args:
        generators: trained method -> its generator; empty for a dataset of controls.
        landmarks: of true and generated crops.
    """

    generators: Mapping[str, UnitGenerator]
    landmarks: LandmarkCache


class ClipChoice(Protocol):
    """The settings that choose the clips: at most ``max_clips`` of a split, drawn by ``seed``."""

    @property
    def split(self) -> str: ...
    @property
    def max_clips(self) -> int: ...
    @property
    def seed(self) -> int: ...


def measure_clips(
    shards: Path,
    trained: TrainedMethods,
    clip_rows: ClipRows,
    settings: ClipChoice,
    *,
    dataset: str,
    progress: Callable[[int], None] = lambda count: None,
    num_threads: int = 1,
) -> Rows:
    """Rows of each chosen clip by each trained method.

    Args:
        shards: folder of the dataset's shard set.
        trained: generators and landmark detector.
        clip_rows: from a clip, a generator, the landmarks and the settings: rows without dataset, method and clip id.
        settings: of the stage; choose the clips and are passed on.
        dataset: for the rows.
        progress: called with the number of methods for each clip.
        num_threads: clips worked on at once.

    Returns:
        Rows ordered by method and clip; those of a clip in the order of ``clip_rows``.

    Raises:
        ValueError: the split holds no clip.
    """
    shard_set = ShardSet(shards)
    if shard_set.num_clips(settings.split) == 0:
        raise ValueError(f"{shards}: split {settings.split} holds no clip to measure")

    def measure(clip: ShardClip) -> Rows:
        rows: Rows = []
        for method, generator in trained.generators.items():
            whose = {"dataset": dataset, "method": method, "clip_id": clip.clip_id}
            rows += [{**whose, **row} for row in clip_rows(clip, generator, trained.landmarks, settings)]
        return rows

    clips = islice(shard_set.clips(settings.split, seed=settings.seed), settings.max_clips)
    rows: Rows = []
    for some in map_in_threads(measure, clips, num_threads):
        rows += some
        progress(len(trained.generators))
    return sorted(rows, key=lambda row: (row["method"], row["clip_id"]))
