"""One value of a metric, or the reason why there is none, and its row of ``clip_metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """One value; None with the reason in ``detail`` where there is none.

    ``offset_frames`` is the shift at which LSE found its least distance; None for other metrics and for several faces.
    """

    protocol: str
    metric: str
    value: float | None
    evaluator: str
    detail: str | None = None
    offset_frames: int | None = None


def with_note(value: MetricValue, note: str | None) -> MetricValue:
    """The value with a note appended to its detail."""
    return replace(value, detail="; ".join(filter(None, (value.detail, note))) or None)


def without_value(protocol: str, metrics: Sequence[str], evaluator: str, detail: str) -> list[MetricValue]:
    """Metrics that could not be computed; ``detail`` says why."""
    return [
        MetricValue(protocol=protocol, metric=metric, value=None, evaluator=evaluator, detail=detail)
        for metric in metrics
    ]


def metric_row(dataset: str, method: str, clip_id: str, audio: str, value: MetricValue) -> dict[str, Any]:
    """A row of ``clip_metrics``."""
    return {
        "dataset": dataset,
        "method": method,
        "clip_id": clip_id,
        "audio": audio,
        "protocol": value.protocol,
        "metric": value.metric,
        "value": value.value,
        "offset_frames": value.offset_frames,
        "evaluator": value.evaluator,
        "detail": value.detail,
    }
