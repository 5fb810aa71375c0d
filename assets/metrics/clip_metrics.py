"""Figures of rendered clips, one row a clip, kind of sound, protocol and metric (DESIGN 6).

Pictures are compared with the clip's true crops, frame by frame: PSNR and SSIM of the whole crop and of the hidden
mouth region (rows 64 to 127), LMD by the protocols ``primary`` and ``atvgnet``; LPIPS of the whole crop where the
settings name weights for it.

LSE says whether lips and sound belong together. With ``audio = 'own'`` it is measured between the pictures and the
clip's own sound. ``audio = 'other'`` is the control, in which pictures and sound do *not* belong together: a method
was given another clip's sound, and its pictures are measured against the clip's own, true sound; the pictures of
``ground_truth`` and ``copy_reference``, which hear nothing, are measured against the other clip's sound. The margin
``lse_d(other) - lse_d(own)`` thus says how far the lips follow what the method hears. Protocol ``lse_crop_dubbed``
(only for ``audio = 'other'`` of methods that hear) measures the same pictures against the sound they were made with.

Protocol ``lse_crop_jpeg`` (a setting) is ``lse_crop`` through the lossy files of the public code, for comparison with
old figures.

Frames in which the clip's face was not really seen (its place is interpolated, the shards' mask ``valid`` is False) are
left out of PSNR, SSIM, LPIPS and LMD, and ``detail`` counts them: what stands in such a crop may be no face at all. LSE is
defined on every window of an unbroken sequence; its windows stay all in, and ``detail`` counts those that touch such a
frame.

A figure that can't be computed is a row without value that says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.media.encode import read_lossless
from assets.metrics.crop_landmarks import CropLandmarks
from assets.metrics.instruments import Instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.thread_map import in_threads
from cals_models.methods.registry import METHODS
from cals_models.metrics.crop_metrics import lmd, lmd_atvgnet, mouth_region, psnr, ssim
from cals_models.metrics.lse import LipSyncEvaluator, LseError
from cals_models.networks.syncnet import WINDOW_FRAMES
from cals_models.shards.shard_set import ShardClip, ShardSet

PICTURE_METRICS = ("psnr", "ssim", "psnr_mouth", "ssim_mouth")
PICTURE_SOURCE = "cals_models.metrics"
MAX_THREADS = 8

Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Sound = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One value; None with the reason in ``detail`` where there is none.

    ``offset_frames`` is the shift that LSE met its least distance at; None for other metrics and for several faces.
    """

    protocol: str
    metric: str
    value: float | None
    evaluator: str
    detail: str | None = None
    offset_frames: int | None = None


def score_renders(
    renders: Iterable[Mapping[str, Any]],
    renders_dir: Path,
    shards: Path,
    split: str,
    *,
    dataset: str,
    method: str,
    instruments: Instruments,
    progress: Callable[[int], None] = lambda count: None,
    num_threads: int | None = None,
) -> list[dict[str, Any]]:
    """Scores a method's renders of a split.

    Args:
        renders: rows of `assets.renders.render.render_clips`.
        renders_dir: folder that their paths are relative to.
        shards: folder of the dataset's shard set: the true crops and sound.
        split: the split that was rendered.
        dataset: for the rows.
        method: for the rows; decides how the control is measured.
        instruments: see `assets.metrics.instruments.open_instruments`.
        progress: is told 1 for each render that is scored.
        num_threads: clips scored at once; None takes as many as torch would, at most 8, and 1 beside a GPU.

    Returns:
        Rows of ``clip_metrics``, ordered by clip id, audio, protocol and metric.

    Raises:
        ValueError: a render or a clip is missing, or a video can't be read.
    """
    by_key: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in renders:
        by_key.setdefault(row["key"], {})[row["audio"]] = row
    if not by_key:
        raise ValueError(f"{renders_dir}: there is no render to score; materialise renders of {method}")

    def score(clip: ShardClip) -> tuple[str, dict[str, list[Figure]]]:
        if clip.key not in by_key:
            raise ValueError(
                f"{renders_dir}: clip {clip.clip_id} has no render; materialise renders of {method} again"
            )
        return clip.clip_id, _score_clip(clip, by_key.pop(clip.key), renders_dir, method, instruments)

    rows: list[dict[str, Any]] = []
    threads = threads_on(instruments.evaluator.device) if num_threads is None else num_threads
    for clip_id, scored in in_threads(score, ShardSet(shards).clips(split), threads):
        for audio, figures in scored.items():
            rows += [figure_row(dataset, method, clip_id, audio, figure) for figure in figures]
            progress(1)
    if by_key:
        names = sorted(str(row["clip_id"]) for some in by_key.values() for row in some.values())
        raise ValueError(
            f"{shards}: has no clip {names[0]}, which was rendered; materialise renders of {method} again"
        )
    return sorted(rows, key=lambda row: (row["clip_id"], row["audio"], row["protocol"], row["metric"]))


def _score_clip(
    clip: ShardClip,
    renders: Mapping[str, Mapping[str, Any]],
    folder: Path,
    method: str,
    instruments: Instruments,
) -> dict[str, list[Figure]]:
    true, own_sound, seen = clip.frames(range(clip.num_frames)), clip.audio(), clip.valid
    hears = method not in METHODS or METHODS[method].is_trained
    lips: dict[bytes, torch.Tensor] = {}
    compared: dict[bytes, list[Figure]] = {}
    scored = {}
    for audio, render in renders.items():
        if render["status"] != "ok":
            scored[audio] = _not_rendered(render, instruments)
            continue
        frames, sound = read_lossless(folder / render["path"])
        pictures = frames.tobytes()  # the controls show the same ones with both sounds
        if pictures not in compared:
            compared[pictures] = crop_figures(frames, true, seen, instruments)
        figures = list(compared[pictures])
        measured = own_sound if audio == "own" or hears else sound
        against = (
            "the clip's own sound" if measured is own_sound else f"the sound of {render['audio_clip_id']}"
        )
        lse = lse_figures(frames, measured, "lse_crop", against, instruments.evaluator, lips)
        if instruments.lse_jpeg:
            lossy = through_jpeg_files(frames)
            lse += lse_figures(lossy, measured, "lse_crop_jpeg", against, instruments.evaluator, lips)
        if audio == "other" and hears:
            against = f"the sound it was made with, of {render['audio_clip_id']}"
            lse += lse_figures(frames, sound, "lse_crop_dubbed", against, instruments.evaluator, lips)
        scored[audio] = figures + windows_noted(lse, seen)
    return scored


def threads_on(device: torch.device) -> int:
    """Clips scored at once where the networks compute on a device: as many as torch would take threads, at most 8."""
    return min(MAX_THREADS, torch.get_num_threads()) if device.type == "cpu" else 1


def crop_figures(frames: Frames, true: Frames, seen: Mask, instruments: Instruments) -> list[Figure]:
    """PSNR, SSIM, LMD and, if asked for, LPIPS of crops, over the frames in which the clip's face was really seen.

    Args:
        frames: uint8 (T, 128, 128, 3).
        true: the same.
        seen: bool (T,); the others are left out, and ``detail`` says how many.
        instruments: for LMD and LPIPS.
    """
    if seen.all():
        return _figures_of_crops(frames, true, instruments)
    note = f"{int((~seen).sum())} of {len(seen)} frames left out: the clip's face was not seen there"
    if not seen.any():
        return without_crops(note, instruments)
    figures = _figures_of_crops(frames[seen], true[seen], instruments)
    return [noted(figure, note) for figure in figures]


def _figures_of_crops(frames: Frames, true: Frames, instruments: Instruments) -> list[Figure]:
    return [
        *picture_figures(frames, true),
        *lpips_figures(frames, true, instruments),
        *landmark_figures(frames, true, instruments),
    ]


def windows_noted(figures: Iterable[Figure], seen: Mask) -> list[Figure]:
    """Figures of LSE whose detail counts the windows of 5 frames that touch one in which the face was not seen."""
    if seen.all() or len(seen) <= WINDOW_FRAMES:
        return list(figures)
    unseen = ~np.lib.stride_tricks.sliding_window_view(seen, WINDOW_FRAMES)[:-1].all(axis=1)
    note = f"the clip's face was not seen in a frame of {int(unseen.sum())} windows, which are in"
    return [noted(figure, note) if figure.value is not None else figure for figure in figures]


def noted(figure: Figure, note: str | None) -> Figure:
    """The figure with a note added to its detail."""
    return replace(figure, detail="; ".join(filter(None, (figure.detail, note))) or None)


def picture_figures(frames: Frames, true: Frames) -> list[Figure]:
    """PSNR and SSIM of the whole crop and of its mouth region, protocol ``primary``.

    Args:
        frames: uint8 (T, 128, 128, 3).
        true: the same.
    """
    preds, target = torch.from_numpy(frames), torch.from_numpy(true)
    values = {
        "psnr": psnr(preds, target),
        "ssim": ssim(preds, target),
        "psnr_mouth": psnr(mouth_region(preds), mouth_region(target)),
        "ssim_mouth": ssim(mouth_region(preds), mouth_region(target)),
    }
    return [_mean_of_frames(metric, value) for metric, value in values.items()]


def lpips_figures(frames: Frames, true: Frames, instruments: Instruments) -> list[Figure]:
    """LPIPS of the whole crop, protocol ``primary``; none where it is not asked for.

    Args:
        frames: uint8 (T, 128, 128, 3).
        true: the same.
        instruments: hold the network, if any.
    """
    if instruments.lpips is None:
        return []
    value = float(instruments.lpips.of(frames, true).double().mean())
    return [Figure(protocol="primary", metric="lpips", value=value, evaluator=instruments.lpips.name)]


def _mean_of_frames(metric: str, values: torch.Tensor) -> Figure:
    mean = float(values.double().mean())
    if math.isfinite(mean):
        return Figure(protocol="primary", metric=metric, value=mean, evaluator=PICTURE_SOURCE)
    equal = int(torch.isinf(values).sum())
    detail = f"{equal} of {len(values)} frames equal the true ones: no finite PSNR"
    return Figure(protocol="primary", metric=metric, value=None, evaluator=PICTURE_SOURCE, detail=detail)


def landmark_figures(frames: Frames, true: Frames, instruments: Instruments) -> list[Figure]:
    """LMD by both protocols, over the frames in which the detector finds a face in both crops.

    Args:
        frames: uint8 (T, 128, 128, 3).
        true: the same.
        instruments: detector and the share of frames that may be missing.
    """
    preds, target = instruments.landmarks.of(frames, keep=False), instruments.landmarks.of(true, keep=True)
    both = preds.found & target.found
    detail = _missing(preds, target)
    values: dict[str, float | None] = {"primary": None, "atvgnet": None}
    if 1 - both.mean() > instruments.max_undetected_share or not both.any():
        detail = f"{detail}: too few frames are left"
    else:
        some, others = torch.from_numpy(preds.points[both]), torch.from_numpy(target.points[both])
        values = {
            "primary": float(lmd(some, others).mean()),
            "atvgnet": float(lmd_atvgnet(some, others).mean()),
        }
    name = instruments.landmarks.name
    return [
        Figure(protocol=protocol, metric="lmd", value=value, evaluator=name, detail=detail)
        for protocol, value in values.items()
    ]


def _missing(preds: CropLandmarks, target: CropLandmarks) -> str | None:
    count, lost, lost_in_truth = len(preds.found), int((~preds.found).sum()), int((~target.found).sum())
    if not lost and not lost_in_truth:
        return None
    return f"no face found in {lost} of {count} frames of the render and {lost_in_truth} of the truth"


def lse_figures(
    frames: Frames,
    sound: Sound,
    protocol: str,
    against: str,
    evaluator: LipSyncEvaluator,
    lips: dict[bytes, torch.Tensor] | None = None,
) -> list[Figure]:
    """LSE-D and LSE-C of pictures and sound.

    Args:
        frames: uint8 (T, H, W, 3).
        sound: int16 (samples,), 16 kHz mono.
        protocol: name for the rows.
        against: whose sound it is, in words.
        evaluator: network S.
        lips: embeddings of pictures seen before, by their bytes; is added to.
    """
    try:
        known = {} if lips is None else lips
        key = frames.tobytes()
        if key not in known:
            known[key] = evaluator.embed_lips(torch.from_numpy(frames))
        heard = evaluator.embed_audio(sound)
        windows = min(len(known[key]), len(heard))
        result = evaluator.compare(known[key][:windows], heard[:windows])
    except LseError as error:
        values: dict[str, float | None] = {"lse_d": None, "lse_c": None}
        detail, offset = str(error), None
    else:
        values = {"lse_d": result.distance, "lse_c": result.confidence}
        detail, offset = f"against {against}; {result.num_windows} windows", result.offset_frames
    return [
        Figure(
            protocol=protocol,
            metric=metric,
            value=value,
            evaluator=evaluator.name,
            detail=detail,
            offset_frames=offset,
        )
        for metric, value in values.items()
    ]


def _not_rendered(render: Mapping[str, Any], instruments: Instruments) -> list[Figure]:
    detail = f"not rendered: {render['reason']}: {render['detail']}"
    name = instruments.evaluator.name
    return without_crops(detail, instruments) + [
        Figure(protocol="lse_crop", metric=metric, value=None, evaluator=name, detail=detail)
        for metric in ("lse_d", "lse_c")
    ]


def without_crops(detail: str, instruments: Instruments) -> list[Figure]:
    """The figures of `crop_figures` without a value: rows that say why."""
    landmarks = instruments.landmarks.name
    names = [("primary", metric, PICTURE_SOURCE) for metric in PICTURE_METRICS]
    if instruments.lpips is not None:
        names.append(("primary", "lpips", instruments.lpips.name))
    names += [("primary", "lmd", landmarks), ("atvgnet", "lmd", landmarks)]
    return [
        Figure(protocol=protocol, metric=metric, value=None, evaluator=name, detail=detail)
        for protocol, metric, name in names
    ]


def figure_row(dataset: str, method: str, clip_id: str, audio: str, figure: Figure) -> dict[str, Any]:
    """A row of ``clip_metrics``."""
    return {
        "dataset": dataset,
        "method": method,
        "clip_id": clip_id,
        "audio": audio,
        "protocol": figure.protocol,
        "metric": figure.metric,
        "value": figure.value,
        "offset_frames": figure.offset_frames,
        "evaluator": figure.evaluator,
        "detail": figure.detail,
    }
