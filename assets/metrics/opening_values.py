"""Values of protocol ``opening`` of a split: each render's opening beside those of the recordings that it came from.

The recording that lends its audio is another clip of the split, so values are known when all clips were read.

Legend: T video frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assets.metrics.crop_values import CropComparison
from assets.metrics.instruments import Instruments
from assets.metrics.metric_kinds import metrics_of
from assets.metrics.metric_value import MetricValue, without_value
from assets.metrics.opening_metrics import (
    PROTOCOL,
    Opening,
    OpeningMetric,
    Openings,
    UndefinedError,
    silent_frames,
)


@dataclass(frozen=True, kw_only=True)
class RenderOpening:
    """Opening of one render.

    Args:
        generated: float32 (T,); None where there are no frames, and ``detail`` says why.
        silent: bool (T,), frames in which the audio given is silent.
        audio_clip_id: whose audio it was given.
    """

    generated: Opening | None = None
    silent: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    audio_clip_id: str | None = None
    detail: str | None = None


class SplitOpenings:
    """Openings of a split's clips and renders, gathered clip by clip."""

    def __init__(self, instruments: Instruments) -> None:
        self._evaluator = instruments.landmarks.name
        self._least_share = 1 - instruments.max_undetected_share
        self._true: dict[str, Opening] = {}
        self._renders: dict[tuple[str, str], RenderOpening] = {}

    def add(self, clip_id: str, audio: str, render: RenderOpening, true: Opening | None = None) -> None:
        """Takes a render of a clip, ``audio`` own or other, and the clip's own opening (T,) where it is known."""
        self._renders[clip_id, audio] = render
        if true is not None:
            self._true[clip_id] = true

    def values(self) -> Mapping[tuple[str, str], list[MetricValue]]:
        """The values of each render, by clip id and audio."""
        return {key: self._values(*key, render) for key, render in self._renders.items()}

    def _values(self, clip_id: str, audio: str, render: RenderOpening) -> list[MetricValue]:
        is_other = audio == "other"
        metrics = {
            name: metric
            for name, metric in metrics_of(OpeningMetric).items()
            if is_other or not metric.other_only
        }
        given = render.audio_clip_id if is_other else clip_id
        lent, detail = self._true.get(str(given)), render.detail
        if detail is None and lent is None:
            detail = f"the opening of {given}, whose audio was given, is not known"
        if detail is not None or lent is None or render.generated is None:
            return without_value(PROTOCOL, [*metrics], self._evaluator, str(detail))
        openings = Openings(
            generated=render.generated,
            source=self._true[clip_id],
            audio=np.resize(lent, len(render.generated)),  # repeated or cut, as its audio is
            silent=render.silent,
            least_share=self._least_share,
        )
        about = f"audio of {given}" if is_other else None
        return [self._value(name, metric, openings, about) for name, metric in metrics.items()]

    def _value(self, name: str, metric: OpeningMetric, openings: Openings, about: str | None) -> MetricValue:
        try:
            value = metric.of(openings)
        except UndefinedError as error:
            return without_value(PROTOCOL, [name], self._evaluator, str(error))[0]
        return MetricValue(
            protocol=PROTOCOL, metric=name, value=value, evaluator=self._evaluator, detail=about
        )


def render_opening(
    compared: CropComparison, audio: NDArray[np.int16], audio_clip_id: str | None
) -> RenderOpening:
    """The opening of a render.

    Args:
        compared: its crops beside the true ones.
        audio: int16 (640 T,), 16 kHz, that it was generated from.
        audio_clip_id: whose that is.
    """
    return RenderOpening(
        generated=compared.generated, silent=silent_frames(audio), audio_clip_id=audio_clip_id
    )
