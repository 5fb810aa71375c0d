"""Protocol ``lse_real``: LSE of whole videos, over the faces that are tracked in them (FACTS 3, real-video path)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.instruments import Instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.lse_values import LSE_METRICS, Audio
from assets.metrics.metric_value import MetricValue, without_value
from assets.metrics.real_faces import FaceClip, Frames, NoFaceTrackError, face_clips
from cals_models.metrics.lse import LseError, LseResult
from cals_models.timebase import FPS, SAMPLES_PER_FRAME

PROTOCOL, JPEG_PROTOCOL = "lse_real", "lse_real_jpeg"
# The frame on display in the middle of a tick of 40 ms is taken; time stamps may be rounded to milliseconds.
MIDDLE_S = 0.5 / FPS - 1e-3


def frames_at_25(frames: Frames, times_s: NDArray[np.float64], fps: float) -> Frames:
    """The frames that are on display at 25 frames a second.

    Args:
        frames: uint8 (N, H, W, 3).
        times_s: (N,), from the first frame on, increasing.
        fps: how long the last one stays: 1 / fps.

    Returns:
        uint8 (T, H, W, 3); the same array where nothing changes.
    """
    count = max(1, round((float(times_s[-1]) + 1 / fps) * FPS))
    shown = np.searchsorted(times_s, np.arange(count) / FPS + MIDDLE_S, side="right") - 1
    return frames if np.array_equal(shown, np.arange(len(frames))) else frames[shown]


def lse_real_values(frames: Frames, audio: Audio, whose: str, instruments: Instruments) -> list[MetricValue]:
    """LSE-D and LSE-C by ``lse_real``, and by ``lse_real_jpeg`` where the instruments say so.

    A video in which several faces are tracked has the unweighted mean over its faces, as the public code's list of
    scores has; ``detail`` lists them.

    Args:
        frames: uint8 (T, H, W, 3), RGB, 25 fps: whole frames.
        audio: int16 (samples,), 16 kHz mono, beginning with the first frame.
        whose: whose audio it is, in words.
        instruments: evaluator of LSE, detector of faces.
    """
    try:
        instruments.evaluator.embed_audio(audio)  # fails before faces are searched for in vain
        faces = face_clips(frames, instruments.landmarks.backend)
    except (LseError, NoFaceTrackError) as error:
        return lse_real_without_value(str(error), instruments)
    return [
        value
        for protocol in _protocols(instruments)
        for value in _values(protocol, faces, audio, whose, instruments)
    ]


def lse_real_without_value(why: str, instruments: Instruments) -> list[MetricValue]:
    """The values of `lse_real_values` where there are none."""
    name = evaluator_name(instruments)
    return [
        missing
        for protocol in _protocols(instruments)
        for missing in without_value(protocol, LSE_METRICS, name, why)
    ]


def evaluator_name(instruments: Instruments) -> str:
    """Network S and the detector whose boxes decide the crops: values compare only where both are the same."""
    return f"{instruments.evaluator.name}+{instruments.landmarks.name}"


def _protocols(instruments: Instruments) -> tuple[str, ...]:
    return (PROTOCOL, JPEG_PROTOCOL) if instruments.lse_jpeg else (PROTOCOL,)


def _values(
    protocol: str, faces: Sequence[FaceClip], audio: Audio, whose: str, instruments: Instruments
) -> list[MetricValue]:
    results = []
    try:
        for face in faces:
            crops = through_jpeg_files(face.frames) if protocol == JPEG_PROTOCOL else face.frames
            first = face.first_frame * SAMPLES_PER_FRAME
            beside = audio[first : first + len(crops) * SAMPLES_PER_FRAME]
            results.append(instruments.evaluator.evaluate(torch.from_numpy(crops), beside))
    except LseError as error:
        return without_value(protocol, LSE_METRICS, evaluator_name(instruments), str(error))
    by_face = "; ".join(_in_words(face, result) for face, result in zip(faces, results, strict=True))
    means = (
        float(np.mean([result.distance for result in results])),
        float(np.mean([result.confidence for result in results])),
    )
    return [
        MetricValue(
            protocol=protocol,
            metric=metric,
            value=mean,
            evaluator=evaluator_name(instruments),
            detail=f"against {whose}; {by_face}",
            offset_frames=results[0].offset_frames if len(results) == 1 else None,
        )
        for metric, mean in zip(LSE_METRICS, means, strict=True)
    ]


def _in_words(face: FaceClip, result: LseResult) -> str:
    last = face.first_frame + len(face.frames) - 1
    return (
        f"face of {face.face_px:.0f} px in frames {face.first_frame} to {last}: "
        f"offset {result.offset_frames} frames, {result.num_windows} windows"
    )
