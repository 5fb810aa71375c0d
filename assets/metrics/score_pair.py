"""One video that another system generated, scored against the true one.

Both videos of a pair must show the same moments: equal frame rate, number of frames and size. A pair that differs is
rejected with the difference; nothing is trimmed, retimed or stretched to make it fit.

- Square videos are face crops. 128-px ones are compared as they are; both of a pair of another size are resized to
  128 px (bilinear), which ``detail`` says. Protocols ``primary``, ``atvgnet`` and ``lse_crop``.
- Others are compared as whole frames at their own size: protocol ``whole_frame`` (there is no mouth region; LMD in
  pixels of the frame). They have no ``lse_crop``, which is defined on face crops; ``lse_real`` finds and crops the
  faces in them, at 25 frames a second whatever the video's own rate. Square videos are scored so only if that protocol
  is requested.

LSE is measured against the generated video's own audio, or the reference's where it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.crop_values import crop_values, whole_frame_values, without_crops
from assets.metrics.folder_pairs import Pair
from assets.metrics.instruments import Instruments, open_instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.lse_real import frames_at_25, lse_real_values, lse_real_without_value
from assets.metrics.lse_values import LSE_METRICS, Audio, lse_values, windows_noted
from assets.metrics.metric_value import MetricValue, metric_row, with_note, without_value
from assets.metrics.plain_video import PlainVideo, read_plain_video
from assets.metrics.settings import MetricSettings
from assets.metrics.shifts import audio_shift_ms, frame_shift
from assets.workers.rejected import Rejected, fault_of_no_clip
from cals_models.metrics.resizing import resize_8bit
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import FPS

STAGE = "score"
SAME_FPS = 0.01
MAX_AUDIO_SHIFT_MS = 80


@dataclass(frozen=True, kw_only=True)
class PairScoring:
    """How pairs of videos are scored, and for which rows.

    Args:
        dataset: for the rows.
        name: of the system; the rows' method is ``external/<name>``.
        settings: of ``clip_metrics``; ``lse_weights`` chooses the evaluator.
        evaluator_dir: the evaluator trained in the pipeline, where the settings name no weights; with neither, rows
            of LSE have no value and say why.
        protocol: only its rows; None gives all that fit the videos, ``_jpeg`` ones if the settings say so.
    """

    dataset: str
    name: str
    settings: MetricSettings
    evaluator_dir: Path | None = None
    protocol: str | None = None

    @property
    def method(self) -> str:
        """The rows' method."""
        return f"external/{self.name}"


@dataclass(frozen=True, kw_only=True)
class PairJob:
    """A pair to score; ``valid`` is bool (T,), frames in which the true clip's face was seen, None for all."""

    pair: Pair
    scoring: PairScoring
    valid: NDArray[np.bool_] | None


def score_pair(job: PairJob) -> list[dict[str, Any]]:
    """Rows of one pair; runs in a worker.

    Raises:
        Rejected: one of the videos can't be read, or the two don't show the same moments.
    """
    instruments = _open_once(job.scoring)
    generated = _read(job.pair.generated, "the generated video")
    true = _read(job.pair.reference, "the reference")
    if job.valid is not None and len(job.valid) != len(true.frames):
        lengths = f"{len(true.frames)} frames; the dataset's clip has {len(job.valid)}"
        raise Rejected(STAGE, "length_mismatch", f"the reference: {lengths}")
    _check_moments(generated, true, job.valid)
    note = _changes(generated, true)
    values = [with_note(value, note) for value in _values(generated, true, job, instruments)]
    scoring, name = job.scoring, job.pair.name
    return [metric_row(scoring.dataset, scoring.method, name, "own", value) for value in values]


def _changes(generated: PlainVideo, true: PlainVideo) -> str | None:
    """What was done to the stored frames of either video; None if nothing."""
    named = (("the generated video", generated.changes), ("the reference", true.changes))
    return "; ".join(f"{which} was {changes}" for which, changes in named if changes) or None


def open_for_pairs(scoring: PairScoring) -> Instruments:
    """The instruments of a scoring; without an evaluator, all metrics but LSE can be measured.

    Raises:
        WeightsError, BackendUnavailableError, ValueError: see `assets.metrics.instruments.open_instruments`.
    """
    return open_instruments(scoring.settings, scoring.evaluator_dir, require_evaluator=False)


@lru_cache(maxsize=1)
def _open_once(scoring: PairScoring) -> Instruments:
    with fault_of_no_clip("the instruments can't be opened"):
        return open_for_pairs(scoring)


def _read(path: Path, which: str) -> PlainVideo:
    try:
        return read_plain_video(path, stage=STAGE)
    except Rejected as rejected:
        raise Rejected(STAGE, rejected.reason, f"{which}: {rejected.detail}") from rejected


def _check_moments(generated: PlainVideo, true: PlainVideo, valid: NDArray[np.bool_] | None) -> None:
    if abs(generated.fps - true.fps) > SAME_FPS:
        raise Rejected(
            STAGE, "fps_mismatch", f"{generated.fps:.3f} frames a second; the reference has {true.fps:.3f}"
        )
    if len(generated.frames) != len(true.frames):
        raise Rejected(
            STAGE, "length_mismatch", f"{len(generated.frames)} frames; the reference has {len(true.frames)}"
        )
    sizes = ["x".join(str(side) for side in video.frames.shape[2:0:-1]) for video in (generated, true)]
    if sizes[0] != sizes[1]:
        raise Rejected(STAGE, "size_mismatch", f"{sizes[0]} pixels; the reference has {sizes[1]}")
    shift = frame_shift(generated.frames, true.frames, valid)
    if shift:
        when = "later" if shift > 0 else "earlier"
        raise Rejected(
            STAGE, "pictures_shifted", f"the pictures come {abs(shift)} frames {when} than the reference's"
        )
    if generated.audio is None or true.audio is None:
        return
    lag_ms = audio_shift_ms(generated.audio, true.audio)
    if lag_ms is not None and abs(lag_ms) >= MAX_AUDIO_SHIFT_MS:
        when = "later" if lag_ms > 0 else "earlier"
        raise Rejected(
            STAGE, "sound_shifted", f"the sound comes {abs(lag_ms)} ms {when} than the reference's"
        )


def _values(
    generated: PlainVideo, true: PlainVideo, job: PairJob, instruments: Instruments
) -> list[MetricValue]:
    """Values of the requested protocol, or of all that fit the videos."""
    height, width = generated.frames.shape[1:3]
    requested = job.scoring.protocol
    fitting = (
        ("primary", "atvgnet", "lse_crop") if height == width else ("whole_frame", "lse_crop", "lse_real")
    )
    protocols = fitting if requested is None else (requested.removesuffix("_jpeg"),)
    values: list[MetricValue] = []
    if {"primary", "atvgnet"} & {*protocols}:
        values += _crop_values(generated, true, job.valid, instruments)
    if "whole_frame" in protocols:
        values += whole_frame_values(generated.frames, true.frames, instruments)
    if "lse_crop" in protocols:
        values += _lse_crop(generated, true, job.valid, instruments)
    if "lse_real" in protocols:
        values += _lse_real(generated, true, instruments)
    return [value for value in values if requested in (None, value.protocol)]


def _crop_values(
    generated: PlainVideo, true: PlainVideo, valid: NDArray[np.bool_] | None, instruments: Instruments
) -> list[MetricValue]:
    preds, target = generated.frames, true.frames
    height, width = preds.shape[1:3]
    if height != width:
        why = "not a square face crop; protocol whole_frame compares such videos"
        return without_crops(why, instruments)
    note = None
    if width != BASE_CROP_PX:
        preds, target, note = _resized(preds), _resized(target), f"resized from {width} px"
    counted = np.ones(len(target), np.bool_) if valid is None else valid
    return [with_note(value, note) for value in crop_values(preds, target, counted, instruments)]


def _audio_of(generated: PlainVideo, true: PlainVideo) -> tuple[Audio | None, str]:
    """The audio that LSE is measured against, and whose it is."""
    if generated.audio is not None:
        return generated.audio, "the video's own sound"
    if true.audio is not None:
        return true.audio, "the reference's sound, it has none of its own"
    return None, "neither video has sound"


def _lse_crop(
    generated: PlainVideo, true: PlainVideo, valid: NDArray[np.bool_] | None, instruments: Instruments
) -> list[MetricValue]:
    audio, whose = _audio_of(generated, true)
    reason = None
    if generated.frames.shape[1] != generated.frames.shape[2]:
        reason = "not a square face crop; lse_crop is defined on those, lse_real finds the faces by itself"
    elif audio is None:
        reason = whose
    elif abs(generated.fps - FPS) > SAME_FPS:
        reason = f"{generated.fps:.3f} frames a second; lse_crop is defined at 25"
    values: list[MetricValue] = []
    for protocol in ("lse_crop", "lse_crop_jpeg") if instruments.lse_jpeg else ("lse_crop",):
        if audio is None or reason is not None:
            values += without_value(protocol, LSE_METRICS, instruments.evaluator.name, reason or whose)
            continue
        frames = through_jpeg_files(generated.frames) if protocol == "lse_crop_jpeg" else generated.frames
        values += lse_values(frames, audio, protocol, whose, instruments.evaluator)
    return values if valid is None else windows_noted(values, valid)


def _lse_real(generated: PlainVideo, true: PlainVideo, instruments: Instruments) -> list[MetricValue]:
    audio, whose = _audio_of(generated, true)
    if audio is None:
        return lse_real_without_value(whose, instruments)
    frames = frames_at_25(generated.frames, generated.times_s, generated.fps)
    note = None
    if abs(generated.fps - FPS) > SAME_FPS:
        note = f"shown at 25 frames a second, the file has {generated.fps:.3f}"
    return [with_note(value, note) for value in lse_real_values(frames, audio, whose, instruments)]


def _resized(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2)
    return np.ascontiguousarray(resize_8bit(planes, BASE_CROP_PX, BASE_CROP_PX).permute(0, 2, 3, 1).numpy())
