"""Where no network S is at hand: LSE rows that say so, beside all the other figures."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.metrics.instruments import Instruments, device_of
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.perceptual import open_lpips
from assets.metrics.settings import MetricSettings
from cals_models.metrics.lse import LipSyncEvaluator, LseError

WHY = (
    "no evaluator was given: LSE needs the weights of network S, syncnet_v2.model or a trained lse_evaluator"
)


class NoEvaluator(LipSyncEvaluator):
    """Stands where an evaluator would, and says why there is none."""

    def __init__(self) -> None:
        self.name = "none"
        self.device = torch.device("cpu")

    def embed_lips(self, frames: Tensor) -> Tensor:
        raise LseError(WHY)

    def embed_audio(self, audio: NDArray[np.int16]) -> Tensor:
        raise LseError(WHY)


def open_without_evaluator(settings: MetricSettings) -> Instruments:
    """Instruments for every figure but LSE."""
    tracking = TrackSettings(backend=settings.landmark_backend, device=settings.device)
    return Instruments(
        evaluator=NoEvaluator(),
        landmarks=LandmarkCache(lambda: open_backend(tracking), None),
        max_undetected_share=settings.max_undetected_share,
        lse_jpeg=settings.lse_jpeg,
        lpips=open_lpips(settings, device_of(settings)),
    )
