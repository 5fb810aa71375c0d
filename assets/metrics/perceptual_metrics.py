"""LPIPS and FID as tables print them; `assets.metrics.perceptual` has their networks.

Torch is imported when a network is opened: publishing the warehouse reads these declarations.
"""

from __future__ import annotations

from assets.metrics.metric_kinds import FrameNetwork, NetworkMetric
from assets.metrics.settings import MetricSettings
from assets.store.metrics import Metric


def _open_lpips(settings: MetricSettings, device: str) -> FrameNetwork | None:
    from assets.metrics.perceptual import open_lpips

    return open_lpips(settings, device)


LPIPS = NetworkMetric(
    label="LPIPS",
    unit="1",
    better="lower",
    decimals=3,
    description="learned perceptual image patch similarity (AlexNet) of the 128x128 crop with the true crop, mean over "
    "frames; measured where weights are given",
    open_network=_open_lpips,
)
FID = Metric(
    label="FID",
    unit="1",
    better="lower",
    decimals=2,
    description="Frechet inception distance between all frames that a method generated of the split and the true ones, "
    "one value a set (set_metrics); falls as frames are added, so compare equal numbers of frames only; measured where "
    "weights are given",
)
