"""Every registered metric that compares generated crops with the true ones, in one pass over a clip.

Frames without the clip's face (its place is interpolated; the shards' mask ``valid`` is False) are left out, and
``detail`` counts them: such a crop may show no face at all.

Legend: T video frames, H, W frame height and width in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from assets.faces.landmarks import mouth_opening
from assets.metrics.crop_landmarks import CropLandmarks
from assets.metrics.identity import METRIC as CSIM
from assets.metrics.identity import csim_value, without_csim
from assets.metrics.instruments import Instruments
from assets.metrics.metric_kinds import FrameMetric, Frames, LandmarkMetric, metrics_of
from assets.metrics.metric_value import MetricValue, with_note, without_value
from assets.metrics.opening_metrics import Opening
from cals_models.shards.crop_sizes import crops_at
from cals_models.shards.shard_format import BASE_CROP_PX

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CropComparison:
    """Generated crops beside the true ones.

    Args:
        values: of all registered metrics.
        generated, true: float32 (T,), the mouth's opening in each; NaN where no face was found or seen.
    """

    values: list[MetricValue]
    generated: Opening = field(repr=False)
    true: Opening = field(repr=False)


def crop_metric_names(instruments: Instruments) -> tuple[str, ...]:
    """Metrics of protocol ``primary`` that these instruments measure, in the order of their values."""
    identity = (CSIM,) if instruments.embedder is not None else ()
    return (*metrics_of(FrameMetric), *instruments.networks, *metrics_of(LandmarkMetric), *identity)


def own_size_protocol(crop_px: int) -> str:
    """The protocol of crops compared at their own size, above 128 px."""
    return f"crop_{crop_px}"


def crop_values(frames: Frames, true: Frames, valid: Mask, instruments: Instruments) -> list[MetricValue]:
    """The values of `compare_crops`."""
    return compare_crops(frames, true, valid, instruments).values


def compare_crops(frames: Frames, true: Frames, valid: Mask, instruments: Instruments) -> CropComparison:
    """All registered metrics of crops, over the frames in which the clip's face was seen, and their mouths' openings.

    Protocol ``primary`` and the others of the paper compare crops at 128 px. Larger ones are reduced to that size, and compared
    at their own as well: protocol ``crop_256``, whose landmarks are in pixels of the larger crop.

    Args:
        frames: uint8 (T, S, S, 3), RGB, S = 128 or 256.
        true: the same.
        valid: bool (T,); the other frames are left out, and ``detail`` says how many.
        instruments: for metrics of landmarks and of networks.
    """
    openings = [np.full(len(valid), np.nan, np.float32) for _ in range(2)]
    crop_px = frames.shape[1]
    if not valid.any():
        values = without_crops(_left_out(valid), instruments, crop_px)
        return CropComparison(values=values, generated=openings[0], true=openings[1])
    shown, true_shown = (frames, true) if valid.all() else (frames[valid], true[valid])
    small, true_small = crops_at(shown, BASE_CROP_PX), crops_at(true_shown, BASE_CROP_PX)
    landmarks = _landmarks(small, true_small, instruments)
    values = _values_of_crops(small, true_small, instruments) + _landmark_values(*landmarks, instruments)
    if instruments.embedder is not None:
        values.append(
            csim_value((small, true_small), landmarks, instruments.embedder, instruments.csim_frames)
        )
    if crop_px != BASE_CROP_PX:
        values += _at_own_size(_values_of_crops(shown, true_shown, instruments), crop_px)
        values += _at_own_size(landmark_values(shown, true_shown, instruments), crop_px)
    if not valid.all():
        values = [with_note(value, _left_out(valid)) for value in values]
    for opening, found in zip(openings, landmarks, strict=True):
        opening[valid] = mouth_opening(found.points)
    return CropComparison(values=values, generated=openings[0], true=openings[1])


def _left_out(valid: Mask) -> str:
    return f"{int((~valid).sum())} of {len(valid)} frames left out: the clip's face was not seen there"


def _at_own_size(values: Iterable[MetricValue], crop_px: int) -> list[MetricValue]:
    protocol = own_size_protocol(crop_px)
    return [replace(value, protocol=protocol) for value in values if value.protocol == "primary"]


def without_crops(detail: str, instruments: Instruments, crop_px: int = BASE_CROP_PX) -> list[MetricValue]:
    """The metrics of `crop_values` without a value; ``detail`` says why."""
    missing = _without_comparison(detail, instruments)
    if crop_px != BASE_CROP_PX:
        missing += _at_own_size(missing, crop_px)
    if instruments.embedder is not None:
        missing.append(without_csim(detail, instruments.embedder))
    return missing


def _without_comparison(detail: str, instruments: Instruments) -> list[MetricValue]:
    missing: list[MetricValue] = []
    for name, metric in metrics_of(FrameMetric).items():
        missing += without_value("primary", [name], metric.evaluator, detail)
    for name, network in instruments.networks.items():
        missing += without_value("primary", [name], network.name, detail)
    for name, by_landmarks in metrics_of(LandmarkMetric).items():
        for protocol in ("primary", *by_landmarks.other_protocols):
            missing += without_value(protocol, [name], instruments.landmarks.name, detail)
    return missing


def whole_frame_values(frames: Frames, true: Frames, instruments: Instruments) -> list[MetricValue]:
    """The registered metrics that are defined on frames of any size, protocol ``whole_frame``.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        true: the same.
        instruments: for metrics of landmarks.
    """
    values = [
        _frame_value("whole_frame", name, metric, frames, true)
        for name, metric in metrics_of(FrameMetric).items()
        if metric.any_size
    ]
    anywhere = {name for name, metric in metrics_of(LandmarkMetric).items() if metric.any_size}
    return values + [
        replace(value, protocol="whole_frame")
        for value in landmark_values(frames, true, instruments)
        if value.protocol == "primary" and value.metric in anywhere
    ]


def _values_of_crops(frames: Frames, true: Frames, instruments: Instruments) -> list[MetricValue]:
    values = [
        _frame_value("primary", name, metric, frames, true)
        for name, metric in metrics_of(FrameMetric).items()
    ]
    return values + [
        MetricValue(
            protocol="primary",
            metric=name,
            value=float(network.of(frames, true).double().mean()),
            evaluator=network.name,
        )
        for name, network in instruments.networks.items()
    ]


def _frame_value(protocol: str, name: str, metric: FrameMetric, frames: Frames, true: Frames) -> MetricValue:
    values = metric.per_frame(torch.from_numpy(frames), torch.from_numpy(true)).double()
    mean = float(values.mean())
    detail = None
    if not math.isfinite(mean):
        count = int((~torch.isfinite(values)).sum())
        which = "some" if protocol == "whole_frame" else f"{count} of {len(values)}"
        detail = f"{which} frames {metric.not_finite}"
    return MetricValue(
        protocol=protocol,
        metric=name,
        value=None if detail else mean,
        evaluator=metric.evaluator,
        detail=detail,
    )


def landmark_values(frames: Frames, true: Frames, instruments: Instruments) -> list[MetricValue]:
    """Metrics of landmarks by all their protocols, over the frames in which the detector finds a face in both crops.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        true: the same.
        instruments: detector, and the share of frames that may be missing.
    """
    return _landmark_values(*_landmarks(frames, true, instruments), instruments)


def _landmarks(frames: Frames, true: Frames, instruments: Instruments) -> tuple[CropLandmarks, CropLandmarks]:
    return instruments.landmarks.of(frames, keep=False), instruments.landmarks.of(true, keep=True)


def _landmark_values(
    preds: CropLandmarks, target: CropLandmarks, instruments: Instruments
) -> list[MetricValue]:
    both = preds.found & target.found
    detail, is_enough = _missing(preds, target), True
    if 1 - both.mean() > instruments.max_undetected_share or not both.any():
        detail, is_enough = f"{detail}: too few frames are left", False
    points = [torch.from_numpy(landmarks.points[both]) for landmarks in (preds, target)]

    def value(protocol: str, name: str, compare: Callable[..., torch.Tensor]) -> MetricValue:
        return MetricValue(
            protocol=protocol,
            metric=name,
            value=float(compare(*points).mean()) if is_enough else None,
            evaluator=instruments.landmarks.name,
            detail=detail,
        )

    return [
        value(protocol, name, compare)
        for name, metric in metrics_of(LandmarkMetric).items()
        for protocol, compare in {"primary": metric.per_frame, **metric.other_protocols}.items()
    ]


def _missing(preds: CropLandmarks, target: CropLandmarks) -> str | None:
    count, lost, lost_in_truth = len(preds.found), int((~preds.found).sum()), int((~target.found).sum())
    if not lost and not lost_in_truth:
        return None
    return f"no face found in {lost} of {count} frames of the render and {lost_in_truth} of the truth"
