"""The metrics: name -> the object that declares it, in the order of tables. Naming a metric here is all that registers it.

It imports nothing heavy, and counts as code of what reads it: `clip_metrics` computes all, the report shows all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from cals_models.references import load

METRICS: dict[str, str] = {
    "psnr": "assets.metrics.paper_metrics:PSNR",
    "ssim": "assets.metrics.paper_metrics:SSIM",
    "lmd": "assets.metrics.paper_metrics:LMD",
    "lse_d": "assets.metrics.paper_metrics:LSE_D",
    "lse_c": "assets.metrics.paper_metrics:LSE_C",
    "psnr_mouth": "assets.metrics.paper_metrics:PSNR_MOUTH",
    "ssim_mouth": "assets.metrics.paper_metrics:SSIM_MOUTH",
    "opening_audio": "assets.metrics.opening_metrics:OPENING_AUDIO",
    "opening_source": "assets.metrics.opening_metrics:OPENING_SOURCE",
    "silence_movement": "assets.metrics.opening_metrics:SILENCE_MOVEMENT",
    "csim": "assets.metrics.identity_metrics:CSIM",
    "lpips": "assets.metrics.perceptual_metrics:LPIPS",
    "fid": "assets.metrics.perceptual_metrics:FID",
}
"""Metrics that the pipeline measures."""

RATING_SCALES: dict[str, str] = {
    "visual_quality": "assets.mos.scales:VISUAL_QUALITY",
    "lip_sync_quality": "assets.mos.scales:LIP_SYNC_QUALITY",
    "realness": "assets.mos.scales:REALNESS",
}
"""Metrics that human raters answer."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a metric measures and how tables print it: a row of ``metric_definitions``.

    Args:
        label: its name in tables.
        unit: of its values; ``1`` where they have none.
        better: ``higher`` or ``lower``.
        decimals: digits after the point in tables.
        description: one line.
    """

    label: str
    unit: str
    better: Literal["higher", "lower"]
    decimals: int
    description: str


@cache
def declared_metrics() -> dict[str, Metric]:
    """Every metric and rating scale by name, in the order of tables; imports the modules that declare them.

    Raises:
        ValueError: an entry does not name a metric.
    """
    return measured_metrics() | {name: _load(name, place) for name, place in RATING_SCALES.items()}


@cache
def measured_metrics() -> dict[str, Metric]:
    """The metrics that the pipeline measures, by name; imports the modules that declare them.

    Raises:
        ValueError: an entry does not name a metric.
    """
    return {name: _load(name, place) for name, place in METRICS.items()}


def definition_rows() -> list[dict[str, Any]]:
    """Rows of ``metric_definitions``, in order."""
    return [
        {
            "metric": name,
            "label": metric.label,
            "unit": metric.unit,
            "better": metric.better,
            "position": position,
            "decimals": metric.decimals,
            "description": metric.description,
        }
        for position, (name, metric) in enumerate(declared_metrics().items(), start=1)
    ]


def _load(name: str, place: str) -> Metric:
    module, _, variable = place.partition(":")
    metric = getattr(load(module), variable, None)
    if not isinstance(metric, Metric):
        raise ValueError(
            f"METRICS: {name} names {place}, which is not a Metric; give module:NAME of one, as the others do"
        )
    return metric
