"""The instruments that figures are measured with, from the settings: evaluator of LSE, detector of landmarks, LPIPS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.perceptual import Lpips, open_lpips
from assets.metrics.settings import MetricSettings
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.metrics.lse_weights import load_public_evaluator, load_trained_evaluator


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What figures are measured with.

    Args:
        evaluator: network S, for LSE.
        landmarks: for LMD.
        max_undetected_share: share of frames without a face above which a clip has no LMD.
        lse_jpeg: also measure LSE through the public code's JPEG files.
        lpips: None measures no LPIPS.
    """

    evaluator: LipSyncEvaluator
    landmarks: LandmarkCache
    max_undetected_share: float
    lse_jpeg: bool = False
    lpips: Lpips | None = None


def open_instruments(
    settings: MetricSettings, evaluator_dir: Path | None, *, cache: Path | None = None, version: str = ""
) -> Instruments:
    """Opens the evaluator, the landmark detector and, where weights are given, LPIPS.

    Args:
        settings: of ``clip_metrics``.
        evaluator_dir: folder of the evaluator trained in the pipeline; needed unless the settings name other weights.
        cache: folder for the landmarks of true crops; None keeps none.
        version: of the code; kept landmarks of another one are not used.

    Raises:
        WeightsError: weights of the evaluator or of LPIPS are missing or are others than the settings say.
        BackendUnavailableError: the landmark detector's library or weights are missing.
        ValueError: there is neither an evaluator nor weights, or LPIPS is asked for without its libraries.
    """
    device = device_of(settings)
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[settings.lse_dtype]
    if settings.lse_weights:
        expected = settings.lse_weights_sha256 or None
        evaluator = load_public_evaluator(
            settings.lse_weights, expected_sha256=expected, device=device, dtype=dtype
        )
    elif evaluator_dir is not None:
        evaluator = load_trained_evaluator(evaluator_dir, device=device, dtype=dtype)
    else:
        raise ValueError(
            "LSE needs an evaluator: set lse_weights to syncnet_v2.model or materialise lse_evaluator"
        )
    tracking = TrackSettings(backend=settings.landmark_backend, device=settings.device)
    return Instruments(
        evaluator=evaluator,
        landmarks=LandmarkCache(lambda: open_backend(tracking), cache, version=version),
        max_undetected_share=settings.max_undetected_share,
        lse_jpeg=settings.lse_jpeg,
        lpips=open_lpips(settings, device),
    )


def device_of(settings: MetricSettings) -> str:
    """Device of the networks: ``auto`` takes a GPU where there is one."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"
