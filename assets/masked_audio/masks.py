"""LMD of frames whose audio is masked, by the length of the mask, beside the same frames with all audio (Figure 2).

f_theta is given a mask as in its training, and the audio around it; Wav2Lip's encoder is given silence instead, and
nothing beyond 0.1 s on either side. So the difference between a method's masked and unmasked LMD measures how much of
the missing audio its context makes up for.

Source: CALS (arXiv 2305.19556), Figure 2: frames generated with the audio of some timesteps masked out.

Legend: T video frames of a stretch, S frames of a strip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.context_window.partial_audio import Frames, Stretch, View, generate_views, middle_stretch
from assets.masked_audio.settings import MaskedAudioSettings
from assets.metrics.crop_landmarks import CropLandmarks
from assets.metrics.landmark_cache import LandmarkCache
from assets.workers.rejected import Rejected
from assets.workers.unexpected import run_at_clip
from cals_models.inference.frame_generator import UnitGenerator
from cals_models.metrics.crop_metrics import lmd
from cals_models.shards.crop_sizes import crops_at
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import BASE_CROP_PX

STAGE = "masked_audio"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Frames around one mask of a clip, for the preview.

    Args:
        clip_id: of the clip.
        true: uint8 (S, 128, 128, 3).
        hidden: bool (S,), where the audio is masked.
        generated: method -> its frames with all audio, and with the mask: uint8 (S, 128, 128, 3) each.
    """

    clip_id: str
    true: Frames
    hidden: NDArray[np.bool_]
    generated: dict[str, tuple[Frames, Frames]]


def mask_places(num_frames: int, length: int, count: int, margin: int) -> list[range]:
    """Frames of each mask: ``count`` masks with evenly spread middles, ``margin`` frames away from either end.

    Empty where the mask does not fit.
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


def _audible_but(num_frames: int, mask: range) -> NDArray[np.bool_]:
    frames = np.arange(num_frames)
    return (frames < mask.start) | (frames >= mask.stop)


def mask_rows(
    clip: ShardClip, generator: UnitGenerator, landmarks: LandmarkCache, settings: MaskedAudioSettings
) -> list[dict[str, Any]]:
    """LMD of a clip by a method with each length of mask.

    Args:
        clip: of the test split.
        generator: of a trained method.
        landmarks: of true and generated crops.
        settings: of the stage.

    Returns:
        Rows of ``masked_audio`` without dataset, method and clip id, ordered by length; values that are missing say why.
    """
    try:
        return run_at_clip(STAGE, lambda: _clip_rows(clip, generator, landmarks, settings))
    except Rejected as rejected:
        return [_row(length, None, rejected.told) for length in settings.mask_frames]


def _clip_rows(
    clip: ShardClip, generator: UnitGenerator, landmarks: LandmarkCache, settings: MaskedAudioSettings
) -> list[dict[str, Any]]:
    stretch = _stretch(clip, settings)
    total = stretch.num_frames
    masks = {length: _places(stretch, length, settings) for length in settings.mask_frames}
    masked_frames = sorted({frame for places in masks.values() for mask in places for frame in mask})
    if not masked_frames:
        return [_row(length, None, _too_short(total, settings)) for length in settings.mask_frames]
    views = [View(audible=np.ones(total, bool), frames=masked_frames)]
    views += [
        View(audible=_audible_but(total, mask), frames=mask) for places in masks.values() for mask in places
    ]
    generated = generate_views(
        generator, stretch, views, hide_with="mask", batch_frames=settings.batch_frames
    )
    found = landmarks.of(crops_at(np.concatenate(generated), BASE_CROP_PX), keep=False).points
    target = landmarks.of(crops_at(stretch.true[masked_frames], BASE_CROP_PX), keep=False)
    unmasked, start = found[: len(masked_frames)], len(masked_frames)
    rows = []
    for length, places in masks.items():
        frames = np.searchsorted(masked_frames, [frame for mask in places for frame in mask])
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


def generate_strip(
    clip: ShardClip, generators: Mapping[str, UnitGenerator], settings: MaskedAudioSettings
) -> Strip | None:
    """The middle mask of a clip, of the longest length that fits, by all methods; None where none fits.

    None too for a clip at which a method fails: its rows tell that.
    """
    try:
        return run_at_clip(STAGE, lambda: _strip(clip, generators, settings))
    except Rejected:
        return None


def _strip(
    clip: ShardClip, generators: Mapping[str, UnitGenerator], settings: MaskedAudioSettings
) -> Strip | None:
    stretch = _stretch(clip, settings)
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
        View(audible=np.ones(stretch.num_frames, bool), frames=frames),
        View(audible=_audible_but(stretch.num_frames, mask), frames=frames),
    ]
    generated: dict[str, tuple[Frames, Frames]] = {}
    for method, generator in generators.items():
        every, part = generate_views(
            generator, stretch, views, hide_with="mask", batch_frames=settings.batch_frames
        )
        generated[method] = (every, part)
    hidden = np.array([frame in mask for frame in frames])
    return Strip(clip_id=clip.clip_id, true=stretch.true[frames], hidden=hidden, generated=generated)
