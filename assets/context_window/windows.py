"""LMD of a frame against the window of sound that is heard around it (Figure 3 of CALS).

A few frames of each test clip are drawn anew with every window; each is the middle frame of its window. A frame counts
only if the detector finds a face in the true crop and in the frame drawn with each window, so that all windows of a
clip are judged by the same frames.

Source: CALS (arXiv 2305.19556), Figure 3: windows of sound around the middle frame of LRW and LRS2 clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.context_window.partial_audio import View, draw_views, middle_stretch
from assets.context_window.settings import ContextWindowSettings
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.thread_map import map_in_threads
from assets.workers.rejected import Rejected
from cals_models.inference.lip_generator import LipGenerator
from cals_models.metrics.crop_metrics import lmd
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

STAGE = "context_window"


def measure_windows(
    shards: Path,
    generators: Mapping[str, LipGenerator],
    landmarks: LandmarkCache,
    settings: ContextWindowSettings,
    *,
    dataset: str,
    progress: Callable[[int], None] = lambda count: None,
    num_threads: int = 1,
) -> list[dict[str, Any]]:
    """LMD of each clip by each method with each window.

    Args:
        shards: folder of the dataset's shard set.
        generators: trained method -> its generator.
        landmarks: of true and drawn crops.
        settings: of the stage.
        dataset: for the rows.
        progress: is told 1 for each clip and method.
        num_threads: clips at work at once.

    Returns:
        Rows of ``context_window``, ordered by method, clip and window; a value that is missing says why.

    Raises:
        ValueError: the split holds no clip.
    """
    shard_set = ShardSet(shards)
    if shard_set.num_clips(settings.split) == 0:
        raise ValueError(f"{shards}: split {settings.split} holds no clip to measure windows on")

    def measure(clip: ShardClip) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for method, generator in generators.items():
            values, detail = _clip_values(clip, generator, landmarks, settings)
            rows += [
                {
                    "dataset": dataset,
                    "method": method,
                    "clip_id": clip.clip_id,
                    "window_frames": window,
                    "lmd": values.get(window),
                    "detail": None if window in values else detail,
                }
                for window in settings.window_frames
            ]
        return rows

    clips = islice(shard_set.clips(settings.split, seed=settings.seed), settings.max_clips)
    rows: list[dict[str, Any]] = []
    for some in map_in_threads(measure, clips, num_threads):
        rows += some
        progress(len(generators))
    return sorted(rows, key=lambda row: (row["method"], row["clip_id"], row["window_frames"]))


def probe_frames(num_frames: int, window: int, count: int) -> list[int]:
    """At most ``count`` frames, evenly spread over those that have ``window`` frames on either side."""
    first, last = window, num_frames - 1 - window
    return sorted({round(place) for place in np.linspace(first, last, count + 2)[1:-1]})


def heard_around(num_frames: int, frame: int, window: int) -> NDArray[np.bool_]:
    """bool (T,), True for the frame and for ``window`` frames on either side of it."""
    return np.abs(np.arange(num_frames) - frame) <= window


def _clip_values(
    clip: ShardClip, generator: LipGenerator, landmarks: LandmarkCache, settings: ContextWindowSettings
) -> tuple[dict[int, float], str]:
    """LMD by window, and why a window has none."""
    try:
        stretch = middle_stretch(
            clip,
            settings.max_stretch_frames,
            policy=settings.reference_policy,
            min_distance_frames=settings.min_reference_distance_frames,
            stage=STAGE,
        )
    except Rejected as rejected:
        return {}, f"{rejected.reason}: {rejected.detail}"
    total = stretch.num_frames
    windows = [window for window in settings.window_frames if 2 * window + 1 <= total]
    frames = probe_frames(total, windows[-1], settings.num_probe_frames)
    views = [
        View(heard=heard_around(total, frame, window), frames=[frame])
        for window in windows
        for frame in frames
    ]
    drawn = np.concatenate(
        draw_views(
            generator, stretch, views, hide_with=settings.hide_with, batch_frames=settings.batch_frames
        )
    )
    target = landmarks.of(stretch.true[frames], keep=False)
    preds = landmarks.of(drawn, keep=False)
    points = preds.points.reshape(len(windows), len(frames), 68, 2)
    usable = target.found & preds.found.reshape(len(windows), len(frames)).all(axis=0)
    if not usable.any():
        return {}, f"no face found in any of the {len(frames)} frames with every window"
    true = torch.from_numpy(target.points[usable])
    values = {
        window: float(lmd(torch.from_numpy(points[number][usable]), true).mean())
        for number, window in enumerate(windows)
    }
    return values, f"the clip has {total} frames: this window leaves it"
