"""FID: how far the frames of a whole split, as a method drew them, are from the true ones; one figure a kind of sound.

A distance of two sets of frames has no value for a clip, so it has a table of its own, ``set_metrics``. Frames in which
the clip's face was not really seen are left out of both sets, as in `assets.metrics.clip_metrics`; clips that were not
rendered are left out of the drawn set, and ``detail`` counts them.

Legend: T video frames, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assets.media.encode import read_lossless
from assets.metrics.clip_metrics import threads_on
from assets.metrics.perceptual import NUM_FEATURES, Frames, Inception
from assets.metrics.thread_map import in_threads
from cals_models.shards.shard_set import ShardClip, ShardSet

Renders = Mapping[str, Mapping[str, Any]]


class _Given(nn.Module):
    """Stands where torchmetrics would compute features: they are given."""

    num_features = NUM_FEATURES

    def forward(self, features: Tensor) -> Tensor:
        return features


def fid_rows(
    renders: Iterable[Mapping[str, Any]],
    renders_dir: Path,
    shards: Path,
    split: str,
    *,
    dataset: str,
    method: str,
    inception: Inception,
    progress: Callable[[int], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """FID of a method's renders of a split against all true frames of the split; lower is better.

    Args:
        renders: rows of `assets.renders.render.render_clips`, one or more of each clip of the split.
        renders_dir: folder that their paths are relative to.
        shards: folder of the dataset's shard set.
        split: the split that was rendered.
        dataset: for the rows.
        method: for the rows.
        inception: computes the features.
        progress: is told of each clip that is done.

    Returns:
        Rows of ``set_metrics``, one a kind of sound that the method was given.

    Source: Heusel et al., NeurIPS 2017; Frechet distance by torchmetrics, in float64.
    """
    by_key: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in renders:
        by_key.setdefault(row["key"], {})[row["audio"]] = row
    audios = sorted({audio for some in by_key.values() for audio in some})
    metrics = {audio: _distance() for audio in audios}

    def features(clip: ShardClip) -> tuple[Tensor, dict[str, Tensor]]:
        return _features(clip, by_key[clip.key], renders_dir, inception)

    num_drawn = dict.fromkeys(audios, 0)
    for true, drawn in in_threads(features, ShardSet(shards).clips(split), threads_on(inception.device)):
        for audio in audios:
            _add(metrics[audio], true, real=True)
            _add(metrics[audio], drawn.get(audio, true[:0]), real=False)
            num_drawn[audio] += audio in drawn
        progress(1)
    shared = {"dataset": dataset, "method": method, "metric": "fid", "evaluator": inception.name}
    return [
        {
            **shared,
            "audio": audio,
            **_figure(metrics[audio], num_drawn[audio], len(by_key)),
        }
        for audio in audios
    ]


def _features(
    clip: ShardClip, renders: Renders, folder: Path, inception: Inception
) -> tuple[Tensor, dict[str, Tensor]]:
    """Features of a clip's true frames and of each of its renders, (T, D) over the frames in which its face was seen."""
    seen = clip.valid
    known: dict[
        bytes, Tensor
    ] = {}  # controls show the same pictures with both sounds, one of them the true ones

    def of(frames: Frames) -> Tensor:
        pictures = frames.tobytes()
        if pictures not in known:
            known[pictures] = inception.features(frames[seen]) if seen.any() else torch.empty(0, NUM_FEATURES)
        return known[pictures]

    true = of(clip.frames(range(clip.num_frames)))
    drawn = {
        audio: of(read_lossless(folder / render["path"])[0])
        for audio, render in renders.items()
        if render["status"] == "ok"
    }
    return true, drawn


def _distance() -> Any:
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance(feature=_Given())


def _add(metric: Any, features: Tensor, *, real: bool) -> None:
    if len(features):
        metric.update(features.double(), real=real)


def _figure(metric: Any, num_drawn: int, num_clips: int) -> dict[str, Any]:
    num_frames, num_true = int(metric.fake_features_num_samples), int(metric.real_features_num_samples)
    notes = [] if num_drawn == num_clips else [f"not rendered: {num_clips - num_drawn} of {num_clips} clips"]
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
        "num_clips": num_drawn,
        "detail": "; ".join(notes) or None,
    }
