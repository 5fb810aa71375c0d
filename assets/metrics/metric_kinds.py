"""The kinds of metrics of crops: what each is given, and the function that computes it.

A metric of one of these kinds that `assets.store.metrics` names is computed of every render, in the same pass as all
others (`assets.metrics.crop_values`). It imports no torch: publishing the warehouse reads the declarations.

Legend: T video frames, H, W frame height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from assets.metrics.settings import MetricSettings
from assets.store.metrics import Metric, measured_metrics

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Frames = NDArray[np.uint8]
PairFunction: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
Kind = TypeVar("Kind", bound=Metric)


@dataclass(frozen=True, kw_only=True)
class FrameMetric(Metric):
    """A metric of generated and true crops; protocol ``primary``, and of large crops their own size.

    Args:
        per_frame: from generated and true crops, uint8 (T, S, S, 3), RGB, S = 128 or 256, one value a frame, (T,); the clip's value
            is their mean. A metric of the whole clip returns one value, (1,).
        evaluator: library or module that its values depend on; only values of one evaluator compare.
        not_finite: why a frame's value may be infinite or NaN, after "3 of 25 frames"; the clip then has none.
        any_size: also defined on frames (T, H, W, 3) of any size; protocol ``whole_frame`` of ``cals score``.
    """

    per_frame: PairFunction
    evaluator: str
    not_finite: str = "have no finite value"
    any_size: bool = False


@dataclass(frozen=True, kw_only=True)
class LandmarkMetric(Metric):
    """A metric of the landmarks in generated and true crops; its evaluator is the detector.

    Args:
        per_frame: from generated and true landmarks, float32 (T, 68, 2), pixels, one value a frame, (T,); protocol
            ``primary``. Frames in which the detector finds no face in one of the two are left out.
        other_protocols: protocol -> such a function.
        any_size: as of `FrameMetric`.
    """

    per_frame: PairFunction
    other_protocols: Mapping[str, PairFunction] = field(default_factory=dict)
    any_size: bool = False


class FrameNetwork(Protocol):
    """A network that compares generated and true frames."""

    name: str
    device: torch.device

    def of(self, frames: Frames, true: Frames) -> Tensor:
        """From generated and true crops, uint8 (T, S, S, 3), RGB, one value a frame: (T,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class NetworkMetric(Metric):
    """A metric of generated and true crops by a network with weights; protocol ``primary``.

    Args:
        open_network: from the settings and a device, the network, whose name is the evaluator; None where the settings
            name no weights, and then the metric has no rows.
    """

    open_network: Callable[[MetricSettings, str], FrameNetwork | None]


def metrics_of(kind: type[Kind]) -> dict[str, Kind]:
    """The registered metrics of a kind, by name, in the order of tables."""
    return {name: metric for name, metric in measured_metrics().items() if isinstance(metric, kind)}
