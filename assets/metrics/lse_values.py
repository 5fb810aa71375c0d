"""LSE-D and LSE-C of frames and audio that begin together: whether the lips belong to the audio.

LSE is defined on every window of an unbroken sequence, so frames without the clip's face stay in; ``detail`` counts
the windows that hold one.

Legend: T video frames, H, W frame height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.metric_value import MetricValue, with_note, without_value
from cals_models.metrics.lse import LipSyncEvaluator, LseError
from cals_models.networks.syncnet import WINDOW_FRAMES

LSE_METRICS = ("lse_d", "lse_c")

Audio = NDArray[np.int16]


def lse_values(
    frames: NDArray[np.uint8],
    audio: Audio,
    protocol: str,
    against: str,
    evaluator: LipSyncEvaluator,
    lips: dict[bytes, torch.Tensor] | None = None,
) -> list[MetricValue]:
    """LSE-D and LSE-C of frames and audio.

    Args:
        frames: uint8 (T, H, W, 3), RGB, 25 fps.
        audio: int16 (samples,), 16 kHz mono.
        protocol: name for the rows.
        against: whose audio it is, in words.
        evaluator: network S.
        lips: embeddings of frames, by their bytes; read, and added to.
    """
    try:
        known = {} if lips is None else lips
        key = frames.tobytes()
        if key not in known:
            known[key] = evaluator.embed_lips(torch.from_numpy(frames))
        embedded = evaluator.embed_audio(audio)
        windows = min(len(known[key]), len(embedded))
        result = evaluator.compare(known[key][:windows], embedded[:windows])
    except LseError as error:
        return without_value(protocol, LSE_METRICS, evaluator.name, str(error))
    return [
        MetricValue(
            protocol=protocol,
            metric=metric,
            value=value,
            evaluator=evaluator.name,
            detail=f"against {against}; {result.num_windows} windows",
            offset_frames=result.offset_frames,
        )
        for metric, value in zip(LSE_METRICS, (result.distance, result.confidence), strict=True)
    ]


def windows_noted(values: Iterable[MetricValue], valid: NDArray[np.bool_]) -> list[MetricValue]:
    """Values of LSE whose detail counts the windows of 5 frames in which a frame lacks the clip's face.

    Args:
        values: of `lse_values`.
        valid: bool (T,), frames in which the face was seen.
    """
    if valid.all() or len(valid) <= WINDOW_FRAMES:
        return list(values)
    unseen = ~np.lib.stride_tricks.sliding_window_view(valid, WINDOW_FRAMES)[:-1].all(axis=1)
    note = f"the clip's face was not seen in a frame of {int(unseen.sum())} windows, which are in"
    return [with_note(value, note) if value.value is not None else value for value in values]
