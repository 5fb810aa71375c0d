"""LMD of frames whose sound is hidden, by the length of the mask, beside the same frames with all sound (Figure 2).

f_theta sees a mask as in its training, and the sound around it; Wav2Lip's encoder hears silence instead, and nothing
beyond 0.1 s on either side. So the difference between a method's masked and unmasked LMD says how much of what is
missing its context makes up for.

Source: CALS (arXiv 2305.19556), Figure 2: frames generated with the sound of some timesteps masked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.context_window.partial_audio import Frames, Stretch, View, draw_views, middle_stretch
from assets.masked_audio.settings import MaskedAudioSettings
from assets.metrics.crop_landmarks import CropLandmarks
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.thread_map import map_in_threads
from assets.workers.rejected import Rejected
from cals_models.inference.lip_generator import LipGenerator
from cals_models.metrics.crop_metrics import lmd
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

STAGE = "masked_audio"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Frames around one mask of a clip, for the picture.

    Args:
        clip_id: of the clip.
        true: uint8 (S, 128, 128, 3).
        hidden: bool (S,), where the sound is masked.
        drawn: method -> what it draws with all sound, and with the mask: uint8 (S, 128, 128, 3) each.
    """

    clip_id: str
    true: Frames
    hidden: NDArray[np.bool_]
    drawn: dict[str, tuple[Frames, Frames]]


def measure_masks(
    shards: Path,
    generators: Mapping[str, LipGenerator],
    landmarks: LandmarkCache,
    settings: MaskedAudioSettings,
    *,
    dataset: str,
    progress: Callable[[int], None] = lambda count: None,
    num_threads: int = 1,
) -> list[dict[str, Any]]:
    """LMD of each clip by each method with each length of mask.

    Args:
        shards: folder of the dataset's shard set.
        generators: trained method -> its generator.
        landmarks: of true and drawn crops.
        settings: of the stage.
        dataset: for the rows.
        progress: is told 1 for each clip and method.
        num_threads: clips at work at once.

    Returns:
        Rows of ``masked_audio``, ordered by method, clip and length; values that are missing say why.

    Raises:
        ValueError: the split holds no clip.
    """
    shard_set = ShardSet(shards)
    if shard_set.num_clips(settings.split) == 0:
        raise ValueError(f"{shards}: split {settings.split} holds no clip to mask the sound of")

    def measure(clip: ShardClip) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for method, generator in generators.items():
            whose = {"dataset": dataset, "method": method, "clip_id": clip.clip_id}
            rows += [{**whose, **row} for row in _clip_rows(clip, generator, landmarks, settings)]
        return rows

    clips = islice(shard_set.clips(settings.split, seed=settings.seed), settings.max_clips)
    rows: list[dict[str, Any]] = []
    for some in map_in_threads(measure, clips, num_threads):
        rows += some
        progress(len(generators))
    return sorted(rows, key=lambda row: (row["method"], row["clip_id"], row["mask_frames"]))


def mask_places(num_frames: int, length: int, count: int, margin: int) -> list[range]:
    """Frames of each mask: ``count`` masks with evenly spread middles, ``margin`` frames away from either end.

    None where the mask does not fit.
    """
    last = num_frames - margin - length
    if last < margin:
        return []
    middles = [num_frames * (place + 1) / (count + 1) for place in range(count)]
    starts = {min(max(round(middle - length / 2), margin), last) for middle in middles}
    return [range(start, start + length) for start in sorted(starts)]


def _stretch(clip: ShardClip, settings: MaskedAudioSettings) -> Stretch:
    return middle_stretch(
        clip,
        settings.max_stretch_frames,
        policy=settings.reference_policy,
        min_distance_frames=settings.min_reference_distance_frames,
        stage=STAGE,
    )


def _places(stretch: Stretch, length: int, settings: MaskedAudioSettings) -> list[range]:
    return mask_places(stretch.num_frames, length, settings.num_places, settings.min_heard_frames)


def _heard_but(num_frames: int, mask: range) -> NDArray[np.bool_]:
    frames = np.arange(num_frames)
    return (frames < mask.start) | (frames >= mask.stop)


def _clip_rows(
    clip: ShardClip, generator: LipGenerator, landmarks: LandmarkCache, settings: MaskedAudioSettings
) -> list[dict[str, Any]]:
    try:
        stretch = _stretch(clip, settings)
    except Rejected as rejected:
        return [
            _row(length, None, f"{rejected.reason}: {rejected.detail}") for length in settings.mask_frames
        ]
    total = stretch.num_frames
    masks = {length: _places(stretch, length, settings) for length in settings.mask_frames}
    everywhere = sorted({frame for places in masks.values() for mask in places for frame in mask})
    if not everywhere:
        return [_row(length, None, _too_short(total, settings)) for length in settings.mask_frames]
    views = [View(heard=np.ones(total, bool), frames=everywhere)]
    views += [
        View(heard=_heard_but(total, mask), frames=mask) for places in masks.values() for mask in places
    ]
    drawn = draw_views(generator, stretch, views, hide_with="mask", batch_frames=settings.batch_frames)
    found = landmarks.of(np.concatenate(drawn), keep=False).points
    target = landmarks.of(stretch.true[everywhere], keep=False)
    unmasked, start = found[: len(everywhere)], len(everywhere)
    rows = []
    for length, places in masks.items():
        frames = np.searchsorted(everywhere, [frame for mask in places for frame in mask])
        masked, start = found[start : start + len(frames)], start + len(frames)
        detail = f"no face found in any of {len(frames)} frames" if places else _too_short(total, settings)
        rows.append(_row(length, _distances(masked, unmasked[frames], target.points[frames]), detail))
    return rows


def _distances(
    masked: NDArray[np.float32], unmasked: NDArray[np.float32], true: NDArray[np.float32]
) -> tuple[float, float] | None:
    """LMD of masked and of unmasked frames, of those in which all three have a face."""
    usable = np.logical_and.reduce([CropLandmarks(points=p).found for p in (masked, unmasked, true)])
    if not usable.any():
        return None
    target = torch.from_numpy(true[usable])
    first, second = (lmd(torch.from_numpy(points[usable]), target) for points in (masked, unmasked))
    return float(first.mean()), float(second.mean())


def _row(length: int, distances: tuple[float, float] | None, detail: str) -> dict[str, Any]:
    masked, unmasked = distances or (None, None)
    return {
        "mask_frames": length,
        "lmd_masked": masked,
        "lmd_unmasked": unmasked,
        "detail": None if distances else detail,
    }


def _too_short(num_frames: int, settings: MaskedAudioSettings) -> str:
    return f"the clip has {num_frames} frames: a mask must leave {settings.min_heard_frames} on either side"


def draw_strip(
    clip: ShardClip, generators: Mapping[str, LipGenerator], settings: MaskedAudioSettings
) -> Strip | None:
    """The middle mask of a clip, of the longest length that fits, by all methods; None where none fits."""
    try:
        stretch = _stretch(clip, settings)
    except Rejected:
        return None
    fitting = [
        places[0]
        for length in reversed(settings.mask_frames)
        if (places := mask_places(stretch.num_frames, length, 1, settings.min_heard_frames))
    ]
    if not fitting:
        return None
    mask = fitting[0]
    shown = np.unique(np.linspace(mask.start - 2, mask.stop + 1, settings.strip_frames).round().astype(int))
    frames = [int(frame) for frame in shown if 0 <= frame < stretch.num_frames]
    views = [
        View(heard=np.ones(stretch.num_frames, bool), frames=frames),
        View(heard=_heard_but(stretch.num_frames, mask), frames=frames),
    ]
    drawn: dict[str, tuple[Frames, Frames]] = {}
    for method, generator in generators.items():
        every, part = draw_views(
            generator, stretch, views, hide_with="mask", batch_frames=settings.batch_frames
        )
        drawn[method] = (every, part)
    hidden = np.array([frame in mask for frame in frames])
    return Strip(clip_id=clip.clip_id, true=stretch.true[frames], hidden=hidden, drawn=drawn)
