"""LMD of a frame against the window of audio around it that the generator is given (Figure 3 of CALS).

A few frames of each test clip are generated with every window; each is the middle frame of its window. A frame counts
only if the detector finds a face in the true crop and in the frame generated with each window, so that all windows of a
clip are compared on the same frames.

Source: CALS (arXiv 2305.19556), Figure 3: windows of audio around the middle frame of LRW and LRS2 clips.

Legend: T video frames of a stretch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.context_window.partial_audio import View, generate_views, middle_stretch
from assets.context_window.settings import ContextWindowSettings
from assets.metrics.landmark_cache import LandmarkCache
from assets.workers.rejected import Rejected
from assets.workers.unexpected import run_at_clip
from cals_models.inference.frame_generator import UnitGenerator
from cals_models.metrics.crop_metrics import lmd
from cals_models.shards.crop_sizes import crops_at
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import BASE_CROP_PX

STAGE = "context_window"


def window_rows(
    clip: ShardClip, generator: UnitGenerator, landmarks: LandmarkCache, settings: ContextWindowSettings
) -> list[dict[str, Any]]:
    """LMD of a clip by a method with each window.

    Args:
        clip: of the test split.
        generator: of a trained method.
        landmarks: of true and generated crops.
        settings: of the stage.

    Returns:
        Rows of ``context_window`` without dataset, method and clip id, ordered by window; a value that is missing says why.
    """
    try:
        values, detail = run_at_clip(STAGE, lambda: _clip_values(clip, generator, landmarks, settings))
    except Rejected as rejected:
        values, detail = {}, rejected.told
    return [
        {"window_frames": window, "lmd": values.get(window), "detail": None if window in values else detail}
        for window in settings.window_frames
    ]


def probe_frames(num_frames: int, window: int, count: int) -> list[int]:
    """At most ``count`` frames, evenly spread over those that have ``window`` frames on either side."""
    first, last = window, num_frames - 1 - window
    return sorted({round(place) for place in np.linspace(first, last, count + 2)[1:-1]})


def audible_around(num_frames: int, frame: int, window: int) -> NDArray[np.bool_]:
    """bool (T,), True for the frame and for ``window`` frames on either side of it."""
    return np.abs(np.arange(num_frames) - frame) <= window


def _clip_values(
    clip: ShardClip, generator: UnitGenerator, landmarks: LandmarkCache, settings: ContextWindowSettings
) -> tuple[dict[int, float], str]:
    """LMD by window, and why a window has none.

    Raises:
        Rejected: too_short.
    """
    stretch = middle_stretch(
        clip,
        settings.max_stretch_frames,
        policy=settings.reference_policy,
        min_distance_frames=settings.min_reference_distance_frames,
        stage=STAGE,
    )
    total = stretch.num_frames
    windows = [window for window in settings.window_frames if 2 * window + 1 <= total]
    frames = probe_frames(total, windows[-1], settings.num_probe_frames)
    views = [
        View(audible=audible_around(total, frame, window), frames=[frame])
        for window in windows
        for frame in frames
    ]
    generated = np.concatenate(
        generate_views(
            generator, stretch, views, hide_with=settings.hide_with, batch_frames=settings.batch_frames
        )
    )
    target = landmarks.of(crops_at(stretch.true[frames], BASE_CROP_PX), keep=False)
    preds = landmarks.of(crops_at(generated, BASE_CROP_PX), keep=False)
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
