"""FID: how far the frames that a method generated of a whole split are from the true ones; one value a kind of audio.

A distance of two sets of frames has no value for a clip, so it has its own table, ``set_metrics``. Frames without the
clip's face are left out of both sets, as in `assets.metrics.crop_values`; clips that were not rendered are left out of
the generated set, and ``detail`` counts them.

Legend: T video frames, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from assets.media.encode import read_lossless
from assets.metrics.metric_kinds import Frames
from assets.metrics.perceptual import NUM_FEATURES, Inception
from assets.metrics.render_set import Renders, RenderSet
from assets.metrics.thread_map import map_in_threads, num_threads_beside
from assets.workers.rejected import PipelineFault, Rejected
from assets.workers.unexpected import run_at_clip
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

STAGE = "clip_metrics"


class _ComputedFeatures(nn.Module):
    """In place of torchmetrics' network: the features are computed already."""

    num_features = NUM_FEATURES

    def forward(self, features: Tensor) -> Tensor:
        return features


def fid_rows(
    renders: RenderSet,
    inception: Inception,
    progress: Callable[[int], None] = lambda _: None,
    *,
    failed: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """FID of a method's renders of a split against all true frames of the split; lower is better.

    Args:
        renders: which.
        inception: computes the features.
        progress: called with 1 for each clip.
        failed: filled with clip id -> code and text of the unexpected error for clips that both sets lack.

    Returns:
        Rows of ``set_metrics``, one a kind of audio that the method was given.

    Raises:
        PipelineFault: each clip ended by an unexpected error.

    Source: Heusel et al., NeurIPS 2017; Frechet distance by torchmetrics, in float64.
    """
    by_key = renders.by_key()
    audios = sorted({audio for some in by_key.values() for audio in some})
    metrics = {audio: _distance() for audio in audios}
    failed = {} if failed is None else failed

    def features(clip: ShardClip) -> tuple[Tensor, dict[str, Tensor]]:
        rendered = by_key[clip.key]
        try:
            return run_at_clip(STAGE, lambda: _features(clip, rendered, renders, inception))
        except Rejected as rejected:
            failed[clip.clip_id] = rejected.told
            return torch.empty(0, NUM_FEATURES), {}

    num_rendered = dict.fromkeys(audios, 0)
    clips, threads = ShardSet(renders.shards).clips(renders.split), num_threads_beside(inception.device)
    for true, rendered in map_in_threads(features, clips, threads):
        for audio in audios:
            _add(metrics[audio], true, real=True)
            _add(metrics[audio], rendered.get(audio, true[:0]), real=False)
            num_rendered[audio] += audio in rendered
        progress(1)
    if failed and len(failed) == len(by_key):
        raise PipelineFault(
            f"FID has no value: {next(iter(failed.values()))}; each of {len(failed)} clips ended so"
        )
    shared = {
        "dataset": renders.dataset,
        "method": renders.method,
        "metric": "fid",
        "evaluator": inception.name,
    }
    return [
        {**shared, "audio": audio, **_value(metrics[audio], num_rendered[audio], len(by_key), failed)}
        for audio in audios
    ]


def _features(
    clip: ShardClip, by_audio: Renders, renders: RenderSet, inception: Inception
) -> tuple[Tensor, dict[str, Tensor]]:
    """Features of a clip's true frames and of each of its renders, (T, D) over the frames in which its face was seen."""
    valid = clip.valid
    known: dict[
        bytes, Tensor
    ] = {}  # the controls show the same frames with both audios, one of them the true ones

    def of(frames: Frames) -> Tensor:
        content = frames.tobytes()
        if content not in known:
            known[content] = (
                inception.features(frames[valid]) if valid.any() else torch.empty(0, NUM_FEATURES)
            )
        return known[content]

    true = of(clip.frames(range(clip.num_frames)))
    rendered = {
        audio: of(read_lossless(renders.folder / render["path"])[0])
        for audio, render in by_audio.items()
        if render["status"] == "ok"
    }
    return true, rendered


def _distance() -> Any:
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance(feature=_ComputedFeatures())


def _add(metric: Any, features: Tensor, *, real: bool) -> None:
    if len(features):
        metric.update(features.double(), real=real)


def _value(metric: Any, num_rendered: int, num_clips: int, failed: Mapping[str, str]) -> dict[str, Any]:
    num_frames, num_true = int(metric.fake_features_num_samples), int(metric.real_features_num_samples)
    num_lacking = num_clips - num_rendered - len(failed)
    notes = [f"not rendered: {num_lacking} of {num_clips} clips"] if num_lacking else []
    if failed:
        clip_id, why = next(iter(sorted(failed.items())))
        notes.append(f"in neither set: {len(failed)} of {num_clips} clips, first {clip_id}: {why}")
    value = None
    if min(num_frames, num_true) < 2:
        notes.append("FID needs 2 frames or more in both sets")
    else:
        value = max(0.0, float(metric.compute()))  # rounding may leave a little less for equal sets
        if min(num_frames, num_true) <= NUM_FEATURES:
            notes.append(
                f"no more frames than the {NUM_FEATURES} features: too high, compare equal numbers alone"
            )
    return {
        "value": value,
        "num_frames": num_frames,
        "num_true_frames": num_true,
        "num_clips": num_rendered,
        "detail": "; ".join(notes) or None,
    }
