"""Figures of videos that another system made, against the true ones, by the same protocols as the pipeline's own.

Both videos of a pair must show the same moments: equal frame rate, number of frames and size. A pair that differs is
a failure that says how; nothing is trimmed, retimed or stretched to make it fit.

- Square videos are face crops. 128-px ones are compared as they are; both of a pair of another size are resized to
  128 px (bilinear), which ``detail`` says. Protocols ``primary``, ``atvgnet`` and ``lse_crop``.
- Others are compared as whole frames at their own size: protocol ``whole_frame`` (PSNR, SSIM and LMD in pixels of the
  frame; there is no mouth region). They have no ``lse_crop``, which is defined on face crops; the faces in them are
  followed and cut out by ``lse_real``, at 25 frames a second whatever the video's own rate. Square videos are scored
  so only if that protocol is asked for.

LSE is measured against the generated video's own sound, or the reference's where it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.clip_metrics import (
    PICTURE_METRICS,
    PICTURE_SOURCE,
    Figure,
    crop_figures,
    figure_row,
    landmark_figures,
    lse_figures,
    noted,
    windows_noted,
    without_crops,
)
from assets.metrics.folder_pairs import Failure, Pair, pairs_by_name, pairs_by_table
from assets.metrics.instruments import Instruments, open_instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.lse_real import frames_at_25, lse_real_figures, without_value
from assets.metrics.plain_video import PlainVideo, read_plain_video
from assets.metrics.settings import MetricSettings
from assets.metrics.shifts import picture_shift, sound_shift_ms
from assets.metrics.without_evaluator import open_without_evaluator
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected
from cals_models.metrics.crop_metrics import psnr, ssim
from cals_models.metrics.resizing import resize_8bit
from cals_models.shards.shard_format import CROP_PX

STAGE = "score"

LSE_FPS = 25.0
SAME_FPS = 0.01
MAX_SOUND_SHIFT_MS = 80
LSE_METRICS = ("lse_d", "lse_c")
PROTOCOLS = {
    "primary": (*PICTURE_METRICS, "lmd"),
    "atvgnet": ("lmd",),
    "whole_frame": ("psnr", "ssim", "lmd"),
    "lse_crop": LSE_METRICS,
    "lse_crop_jpeg": LSE_METRICS,
    "lse_real": LSE_METRICS,
    "lse_real_jpeg": LSE_METRICS,
}
NO_PROTOCOLS = {
    "lpips": "a metric of protocol primary, measured where the dataset's settings of clip_metrics name lpips_weights",
    "fid": "one figure for a whole split, measured of the pipeline's own methods only, by the stage clip_metrics",
}


@dataclass(frozen=True, kw_only=True)
class FolderScores:
    """Rows of ``clip_metrics`` for the pairs that could be scored, and the videos that could not."""

    rows: list[dict[str, Any]]
    failures: list[Failure]


@dataclass(frozen=True, kw_only=True)
class _Job:
    pair: Pair
    dataset: str
    method: str
    settings: MetricSettings
    evaluator_dir: Path | None
    protocol: str | None
    seen: NDArray[np.bool_] | None


def score_folder(
    generated: Path,
    reference: Path,
    *,
    dataset: str,
    name: str,
    settings: MetricSettings,
    evaluator_dir: Path | None,
    table: Path | None = None,
    protocol: str | None = None,
    seen: Mapping[str, NDArray[np.bool_]] | None = None,
    pool: PoolSettings | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> FolderScores:
    """Scores a folder of generated videos against a folder of true ones.

    Args:
        generated: videos of the system to score.
        reference: the true videos.
        dataset: for the rows.
        name: of the system; the rows' method is ``external/<name>``.
        settings: of ``clip_metrics``; ``lse_weights`` chooses the evaluator.
        evaluator_dir: the evaluator trained in the pipeline, where the settings name no weights; with neither, rows
            of LSE have no value and say why.
        table: CSV with the columns generated, reference; None pairs the videos by name.
        protocol: only its rows; None gives all that fit the videos, ``_jpeg`` ones if the settings say so.
        seen: name of a pair -> bool (T,), frames in which the true clip's face was really seen; the others are left out
            of PSNR, SSIM and LMD. Where a pair is not in it, all are taken.
        pool: worker processes (one if None): a video that crashes its decoder costs its own pair only.
        progress: is told 1 for each pair.

    Returns:
        Rows ordered by pair, and failures; the clip id of a row is the reference's path without suffix.

    Raises:
        ValueError: a folder, the table, the evaluator or the protocol can't be used.
    """
    if protocol in NO_PROTOCOLS:
        raise ValueError(
            f"{protocol} is no protocol: it is {NO_PROTOCOLS[protocol]}; known: {', '.join(PROTOCOLS)}"
        )
    if protocol is not None and protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is unknown; known: {', '.join(PROTOCOLS)}")
    if protocol is not None and protocol.endswith("_jpeg"):
        settings = replace(settings, lse_jpeg=True)
    _open(settings, evaluator_dir)  # a missing evaluator is one message and not one for each pair
    pairs, failures = (
        pairs_by_name(generated, reference) if table is None else pairs_by_table(generated, reference, table)
    )
    jobs = [
        _Job(
            pair=pair,
            dataset=dataset,
            method=f"external/{name}",
            settings=settings,
            evaluator_dir=evaluator_dir,
            protocol=protocol,
            seen=(seen or {}).get(pair.name),
        )
        for pair in pairs
    ]
    rows: list[dict[str, Any]] = []
    with ClipPool(pool or PoolSettings(num_workers=1)) as workers:
        for job, future in [(job, workers.submit(score_pair, job)) for job in jobs]:
            outcome = workers.result(future, STAGE)
            if isinstance(outcome, Rejected):
                video = job.pair.generated.relative_to(generated).as_posix()
                failures.append(Failure(video=video, reason=outcome.reason, detail=outcome.detail))
            else:
                rows += outcome
            progress(1)
    return FolderScores(rows=rows, failures=failures)


def score_pair(job: _Job) -> list[dict[str, Any]]:
    """Rows of one pair; runs in a worker.

    Raises:
        Rejected: one of the videos can't be read, or the two don't show the same moments.
    """
    instruments = _instruments(job.settings, job.evaluator_dir)
    made = _read(job.pair.generated, "the generated video")
    true = _read(job.pair.reference, "the reference")
    if job.seen is not None and len(job.seen) != len(true.frames):
        told = f"{len(true.frames)} frames; the dataset's clip has {len(job.seen)}"
        raise Rejected(STAGE, "length_mismatch", f"the reference: {told}")
    _check_moments(made, true, job.seen)
    figures = _figures(made, true, job, instruments)
    return [figure_row(job.dataset, job.method, job.pair.name, "own", figure) for figure in figures]


@lru_cache(maxsize=1)
def _instruments(settings: MetricSettings, evaluator_dir: Path | None) -> Instruments:
    return _open(settings, evaluator_dir)


def _open(settings: MetricSettings, evaluator_dir: Path | None) -> Instruments:
    if evaluator_dir is None and not settings.lse_weights:
        return open_without_evaluator(settings)
    return open_instruments(settings, evaluator_dir)


def _read(path: Path, which: str) -> PlainVideo:
    try:
        return read_plain_video(path, stage=STAGE)
    except Rejected as rejected:
        raise Rejected(STAGE, rejected.reason, f"{which}: {rejected.detail}") from rejected


def _check_moments(made: PlainVideo, true: PlainVideo, seen: NDArray[np.bool_] | None) -> None:
    if abs(made.fps - true.fps) > SAME_FPS:
        raise Rejected(
            STAGE, "fps_mismatch", f"{made.fps:.3f} frames a second; the reference has {true.fps:.3f}"
        )
    if len(made.frames) != len(true.frames):
        raise Rejected(
            STAGE, "length_mismatch", f"{len(made.frames)} frames; the reference has {len(true.frames)}"
        )
    sizes = ["x".join(str(side) for side in video.frames.shape[2:0:-1]) for video in (made, true)]
    if sizes[0] != sizes[1]:
        raise Rejected(STAGE, "size_mismatch", f"{sizes[0]} pixels; the reference has {sizes[1]}")
    shift = picture_shift(made.frames, true.frames, seen)
    if shift:
        when = "later" if shift > 0 else "earlier"
        raise Rejected(
            STAGE, "pictures_shifted", f"the pictures come {abs(shift)} frames {when} than the reference's"
        )
    if made.sound is None or true.sound is None:
        return
    lag_ms = sound_shift_ms(made.sound, true.sound)
    if lag_ms is not None and abs(lag_ms) >= MAX_SOUND_SHIFT_MS:
        when = "later" if lag_ms > 0 else "earlier"
        raise Rejected(
            STAGE, "sound_shifted", f"the sound comes {abs(lag_ms)} ms {when} than the reference's"
        )


def _figures(made: PlainVideo, true: PlainVideo, job: _Job, instruments: Instruments) -> list[Figure]:
    """Figures of the protocol asked for, or of all that fit the videos."""
    height, width = made.frames.shape[1:3]
    fitting = (
        ("primary", "atvgnet", "lse_crop") if height == width else ("whole_frame", "lse_crop", "lse_real")
    )
    asked = fitting if job.protocol is None else (job.protocol.removesuffix("_jpeg"),)
    figures: list[Figure] = []
    if {"primary", "atvgnet"} & {*asked}:
        figures += _crop_figures(made, true, job, instruments)
    if "whole_frame" in asked:
        figures += _whole_frame_figures(made, true, instruments)
    if "lse_crop" in asked:
        figures += _lse_crop(made, true, job, instruments)
    if "lse_real" in asked:
        figures += _lse_real(made, true, instruments)
    return [figure for figure in figures if job.protocol in (None, figure.protocol)]


def _crop_figures(made: PlainVideo, true: PlainVideo, job: _Job, instruments: Instruments) -> list[Figure]:
    preds, target = made.frames, true.frames
    height, width = preds.shape[1:3]
    if height != width:
        why = "not a square face crop; protocol whole_frame compares such videos"
        return without_crops(why, instruments)
    note = None
    if width != CROP_PX:
        preds, target, note = _resized(preds), _resized(target), f"resized from {width} px"
    seen = np.ones(len(target), np.bool_) if job.seen is None else job.seen
    return [noted(figure, note) for figure in crop_figures(preds, target, seen, instruments)]


def _sound_of(made: PlainVideo, true: PlainVideo) -> tuple[NDArray[np.int16] | None, str]:
    """The sound that LSE is measured against, and whose it is."""
    if made.sound is not None:
        return made.sound, "the video's own sound"
    if true.sound is not None:
        return true.sound, "the reference's sound, it has none of its own"
    return None, "neither video has sound"


def _lse_crop(made: PlainVideo, true: PlainVideo, job: _Job, instruments: Instruments) -> list[Figure]:
    sound, whose = _sound_of(made, true)
    reason = None
    if made.frames.shape[1] != made.frames.shape[2]:
        reason = "not a square face crop; lse_crop is defined on those, lse_real finds the faces by itself"
    elif sound is None:
        reason = whose
    elif abs(made.fps - LSE_FPS) > SAME_FPS:
        reason = f"{made.fps:.3f} frames a second; lse_crop is defined at 25"
    protocols = ("lse_crop", "lse_crop_jpeg") if instruments.lse_jpeg else ("lse_crop",)
    if sound is None or reason is not None:
        name = instruments.evaluator.name
        return [
            Figure(protocol=protocol, metric=metric, value=None, evaluator=name, detail=reason)
            for protocol in protocols
            for metric in LSE_METRICS
        ]
    figures = []
    for protocol in protocols:
        pictures = through_jpeg_files(made.frames) if protocol == "lse_crop_jpeg" else made.frames
        figures += lse_figures(pictures, sound, protocol, whose, instruments.evaluator)
    return figures if job.seen is None else windows_noted(figures, job.seen)


def _lse_real(made: PlainVideo, true: PlainVideo, instruments: Instruments) -> list[Figure]:
    sound, whose = _sound_of(made, true)
    if sound is None:
        protocols = ("lse_real", "lse_real_jpeg") if instruments.lse_jpeg else ("lse_real",)
        return [figure for name in protocols for figure in without_value(name, whose, instruments)]
    frames = frames_at_25(made.frames, made.times_s, made.fps)
    note = None
    if abs(made.fps - LSE_FPS) > SAME_FPS:
        note = f"shown at 25 frames a second, the file has {made.fps:.3f}"
    return [noted(figure, note) for figure in lse_real_figures(frames, sound, whose, instruments)]


def _whole_frame_figures(made: PlainVideo, true: PlainVideo, instruments: Instruments) -> list[Figure]:
    preds, target = torch.from_numpy(made.frames), torch.from_numpy(true.frames)
    values = {
        "psnr": float(psnr(preds, target).double().mean()),
        "ssim": float(ssim(preds, target).double().mean()),
    }
    figures = [
        Figure(
            protocol="whole_frame",
            metric=metric,
            value=value if np.isfinite(value) else None,
            evaluator=PICTURE_SOURCE,
            detail=None if np.isfinite(value) else "some frames equal the true ones: no finite PSNR",
        )
        for metric, value in values.items()
    ]
    (lmd_figure, _) = landmark_figures(made.frames, true.frames, instruments)
    return [*figures, replace(lmd_figure, protocol="whole_frame")]


def _resized(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2)
    return np.ascontiguousarray(resize_8bit(planes, CROP_PX, CROP_PX).permute(0, 2, 3, 1).numpy())
