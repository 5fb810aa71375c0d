"""Metrics of rendered clips: one row a clip, audio, protocol and metric (DESIGN 6).

Generated crops are compared with the clip's true crops by all registered metrics (`assets.metrics.crop_values`).

LSE measures whether lips and audio belong together. With ``audio = 'own'`` it compares the frames with the clip's own
audio. ``audio = 'other'`` is the control, in which frames and audio do *not* belong together: a method was given
another clip's audio, and its frames are compared with the clip's own, true audio; the frames of ``ground_truth`` and
``copy_reference``, which are given no audio, are compared with the other clip's audio. The margin
``lse_d(other) - lse_d(own)`` thus measures how far the lips follow the audio that a method is given. Protocol
``lse_crop_dubbed`` (only for ``audio = 'other'`` of methods that are given audio) compares the same frames with the
audio that they were generated from.

Protocol ``opening`` says whose mouth the generated one follows (`assets.metrics.opening_metrics`).

Protocol ``lse_crop_jpeg`` (a setting) is ``lse_crop`` through the lossy files of the public code, for comparison with
published values that were measured so.

A value that can't be computed is a row without value that says why; so are all values of a clip at which scoring fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from assets.media.encode import read_lossless
from assets.metrics.crop_values import CropComparison, compare_crops, without_crops
from assets.metrics.instruments import Instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.lse_values import LSE_METRICS, lse_values, windows_noted
from assets.metrics.metric_value import MetricValue, metric_row, without_value
from assets.metrics.opening_values import RenderOpening, SplitOpenings, render_opening
from assets.metrics.render_set import Renders, RenderSet
from assets.metrics.thread_map import map_in_threads, num_threads_beside
from assets.workers.rejected import Rejected
from assets.workers.unexpected import run_at_clip
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet

STAGE = "clip_metrics"


def score_renders(
    renders: RenderSet,
    instruments: Instruments,
    progress: Callable[[int], None] = lambda count: None,
    *,
    num_threads: int | None = None,
) -> list[dict[str, Any]]:
    """Scores a method's renders of a split.

    Args:
        renders: which.
        instruments: see `assets.metrics.instruments.open_instruments`.
        progress: called with 1 for each render that is scored.
        num_threads: clips scored at once; None takes as many as torch would, at most 8, and 1 beside a GPU.

    Returns:
        Rows of ``clip_metrics``, ordered by clip id, audio, protocol and metric.

    Raises:
        ValueError: a render or a clip is missing.
    """
    by_key, method = renders.by_key(), renders.method
    openings = SplitOpenings(instruments)
    if not by_key:
        raise ValueError(f"{renders.folder}: there is no render to score; materialise renders of {method}")

    def score(clip: ShardClip) -> tuple[str, dict[str, list[MetricValue]]]:
        if clip.key not in by_key:
            raise ValueError(
                f"{renders.folder}: clip {clip.clip_id} has no render; materialise renders of {method} again"
            )
        rendered = by_key.pop(clip.key)
        try:
            scored = run_at_clip(STAGE, lambda: _score_clip(clip, rendered, renders, instruments, openings))
        except Rejected as rejected:
            scored = {audio: _without_values(rejected.told, instruments, clip.crop_px) for audio in rendered}
            for audio in rendered:
                openings.add(clip.clip_id, audio, RenderOpening(detail=rejected.told))
        return clip.clip_id, scored

    rows: list[dict[str, Any]] = []
    threads = num_threads_beside(instruments.evaluator.device) if num_threads is None else num_threads
    for clip_id, scored in map_in_threads(score, ShardSet(renders.shards).clips(renders.split), threads):
        for audio, values in scored.items():
            rows += [metric_row(renders.dataset, method, clip_id, audio, value) for value in values]
            progress(1)
    for (clip_id, audio), values in openings.values().items():
        rows += [metric_row(renders.dataset, method, clip_id, audio, value) for value in values]
    if by_key:
        names = sorted(str(row["clip_id"]) for some in by_key.values() for row in some.values())
        raise ValueError(
            f"{renders.shards}: has no clip {names[0]}, which was rendered; materialise renders of {method} again"
        )
    return sorted(rows, key=lambda row: (row["clip_id"], row["audio"], row["protocol"], row["metric"]))


def _score_clip(
    clip: ShardClip,
    by_audio: Renders,
    renders: RenderSet,
    instruments: Instruments,
    openings: SplitOpenings,
) -> dict[str, list[MetricValue]]:
    """Values of each render by its audio; those of openings are known later, by ``openings``."""
    true, own_audio, valid = clip.frames(range(clip.num_frames)), clip.audio(), clip.valid
    is_given_audio = renders.method not in METHODS or METHODS[renders.method].is_trained
    lips: dict[bytes, torch.Tensor] = {}
    compared: dict[bytes, CropComparison] = {}
    scored = {}
    for audio, render in by_audio.items():
        if render["status"] != "ok":
            detail = f"not rendered: {render['reason']}: {render['detail']}"
            scored[audio] = _without_values(detail, instruments, clip.crop_px)
            openings.add(clip.clip_id, audio, RenderOpening(detail=detail))
            continue
        frames, given_audio = read_lossless(renders.folder / render["path"])
        content = frames.tobytes()  # the controls show the same frames with both audios
        if content not in compared:
            compared[content] = compare_crops(frames, true, valid, instruments)
        opening = render_opening(compared[content], given_audio, render["audio_clip_id"])
        openings.add(clip.clip_id, audio, opening, compared[content].true)
        if audio == "own" or is_given_audio:
            measured, against = own_audio, "the clip's own sound"
        else:
            measured, against = given_audio, f"the sound of {render['audio_clip_id']}"
        lse = lse_values(frames, measured, "lse_crop", against, instruments.evaluator, lips)
        if instruments.lse_jpeg:
            lossy = through_jpeg_files(frames)
            lse += lse_values(lossy, measured, "lse_crop_jpeg", against, instruments.evaluator, lips)
        if audio == "other" and is_given_audio:
            against = f"the sound it was made with, of {render['audio_clip_id']}"
            lse += lse_values(frames, given_audio, "lse_crop_dubbed", against, instruments.evaluator, lips)
        scored[audio] = compared[content].values + windows_noted(lse, valid)
    return scored


def _without_values(detail: str, instruments: Instruments, crop_px: int) -> list[MetricValue]:
    return without_crops(detail, instruments, crop_px) + without_value(
        "lse_crop", LSE_METRICS, instruments.evaluator.name, detail
    )
