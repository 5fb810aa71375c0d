"""What metrics are measured with, from the settings: evaluator of LSE, detector of landmarks, networks with weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.metrics.identity import FaceEmbedder
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.metric_kinds import FrameNetwork, NetworkMetric, metrics_of
from assets.metrics.settings import MetricSettings
from cals_models.metrics.lse import LipSyncEvaluator, LseError
from cals_models.metrics.lse_weights import load_public_evaluator, load_trained_evaluator

NO_EVALUATOR = (
    "no evaluator was given: LSE needs the weights of network S, syncnet_v2.model or a trained lse_evaluator"
)


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What metrics are measured with.

    Args:
        evaluator: network S, for LSE.
        landmarks: for metrics of landmarks.
        max_undetected_share: share of frames without a face above which a clip has no such metric.
        lse_jpeg: also measure LSE through the public code's JPEG files.
        networks: metric -> network, of the network metrics that the settings name weights for.
        embedder: of faces, for CSIM; None measures none.
        csim_frames: frames that CSIM compares.
    """

    evaluator: LipSyncEvaluator
    landmarks: LandmarkCache
    max_undetected_share: float
    lse_jpeg: bool = False
    networks: Mapping[str, FrameNetwork] = field(default_factory=dict)
    embedder: FaceEmbedder | None = None
    csim_frames: int = 0


class AbsentEvaluator(LipSyncEvaluator):
    """In place of an evaluator where there is none: LSE has no value and says so."""

    def __init__(self) -> None:
        self.name = "none"
        self.device = torch.device("cpu")

    def embed_lips(self, frames: torch.Tensor) -> torch.Tensor:
        raise LseError(NO_EVALUATOR)

    def embed_audio(self, audio: NDArray[np.int16]) -> torch.Tensor:
        raise LseError(NO_EVALUATOR)


def open_instruments(
    settings: MetricSettings,
    evaluator_dir: Path | None,
    *,
    require_evaluator: bool = True,
    cache: Path | None = None,
    version: str = "",
) -> Instruments:
    """Opens the evaluator, the landmark detector and the networks that the settings name weights for.

    Args:
        settings: of ``clip_metrics``.
        evaluator_dir: folder of the evaluator trained in the pipeline; used unless the settings name other weights.
        require_evaluator: False measures all metrics but LSE where there is neither.
        cache: folder for the landmarks of true crops; None keeps none.
        version: of the code; kept landmarks of another one are not used.

    Raises:
        WeightsError: weights of the evaluator or of LPIPS are missing or are others than the settings say.
        BackendUnavailableError: library or weights of the landmark detector, or of CSIM, are missing.
        ValueError: there is neither an evaluator nor weights, or LPIPS is requested without its libraries.
    """
    device = device_of(settings)
    tracking = TrackSettings(backend=settings.landmark_backend, device=settings.device)
    evaluator = _open_evaluator(settings, evaluator_dir, device, is_required=require_evaluator)
    opened = {
        name: metric.open_network(settings, device) for name, metric in metrics_of(NetworkMetric).items()
    }
    return Instruments(
        evaluator=evaluator,
        landmarks=LandmarkCache(lambda: open_backend(tracking), cache, version=version),
        max_undetected_share=settings.max_undetected_share,
        lse_jpeg=settings.lse_jpeg,
        networks={name: network for name, network in opened.items() if network is not None},
        embedder=FaceEmbedder() if settings.csim_frames else None,
        csim_frames=settings.csim_frames,
    )


def _open_evaluator(
    settings: MetricSettings, evaluator_dir: Path | None, device: str, *, is_required: bool
) -> LipSyncEvaluator:
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[settings.lse_dtype]
    if settings.lse_weights:
        expected = settings.lse_weights_sha256 or None
        return load_public_evaluator(
            settings.lse_weights, expected_sha256=expected, device=device, dtype=dtype
        )
    if evaluator_dir is not None:
        return load_trained_evaluator(evaluator_dir, device=device, dtype=dtype)
    if is_required:
        raise ValueError(
            "LSE needs an evaluator: set lse_weights to syncnet_v2.model or materialise lse_evaluator"
        )
    return AbsentEvaluator()


def device_of(settings: MetricSettings) -> str:
    """Device of the networks: ``auto`` takes a GPU where there is one."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if torch.cuda.is_available() else "cpu"
