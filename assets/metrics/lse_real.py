"""Protocol ``lse_real``: LSE of whole videos, over the faces that are followed in them (FACTS 3, real-video path)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.clip_metrics import Figure, Sound
from assets.metrics.instruments import Instruments
from assets.metrics.jpeg_files import through_jpeg_files
from assets.metrics.real_faces import FaceClip, Frames, NoFaceTrackError, face_clips
from cals_models.metrics.lse import LseError, LseResult
from cals_models.timebase import FPS, SAMPLES_PER_FRAME

PROTOCOL, JPEG_PROTOCOL = "lse_real", "lse_real_jpeg"
METRICS = ("lse_d", "lse_c")
# What is on display in the middle of a frame's 40 ms is shown; time stamps may be rounded to milliseconds.
MIDDLE_S = 0.5 / FPS - 1e-3


def frames_at_25(frames: Frames, times_s: NDArray[np.float64], fps: float) -> Frames:
    """The pictures that are on display at 25 frames a second.

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


def lse_real_figures(frames: Frames, sound: Sound, whose: str, instruments: Instruments) -> list[Figure]:
    """LSE-D and LSE-C by ``lse_real``, and by ``lse_real_jpeg`` where the instruments say so.

    A video in which several faces are followed has the unweighted mean over its faces, as the public code's list of
    scores has; ``detail`` tells of each.

    Args:
        frames: uint8 (T, H, W, 3), RGB, 25 fps: whole frames.
        sound: int16 (samples,), 16 kHz mono, beginning with the first frame.
        whose: whose sound it is, in words.
        instruments: evaluator of LSE, detector of faces.
    """
    protocols = (PROTOCOL, JPEG_PROTOCOL) if instruments.lse_jpeg else (PROTOCOL,)
    try:
        instruments.evaluator.embed_audio(sound)  # no face is looked for where nothing can be measured
        faces = face_clips(frames, instruments.landmarks.backend)
    except (LseError, NoFaceTrackError) as error:
        return [figure for name in protocols for figure in without_value(name, str(error), instruments)]
    return [figure for name in protocols for figure in _figures(name, faces, sound, whose, instruments)]


def without_value(protocol: str, why: str, instruments: Instruments) -> list[Figure]:
    """Rows that say why there is no figure."""
    name = evaluator_name(instruments)
    return [
        Figure(protocol=protocol, metric=metric, value=None, evaluator=name, detail=why) for metric in METRICS
    ]


def evaluator_name(instruments: Instruments) -> str:
    """Network S and the detector whose boxes decide the crops: figures compare only where both are the same."""
    return f"{instruments.evaluator.name}+{instruments.landmarks.name}"


def _figures(
    protocol: str, faces: Sequence[FaceClip], sound: Sound, whose: str, instruments: Instruments
) -> list[Figure]:
    results = []
    try:
        for face in faces:
            pictures = through_jpeg_files(face.frames) if protocol == JPEG_PROTOCOL else face.frames
            first = face.first_frame * SAMPLES_PER_FRAME
            heard = sound[first : first + len(pictures) * SAMPLES_PER_FRAME]
            results.append(instruments.evaluator.evaluate(torch.from_numpy(pictures), heard))
    except LseError as error:
        return without_value(protocol, str(error), instruments)
    told = "; ".join(_told(face, result) for face, result in zip(faces, results, strict=True))
    values = {
        "lse_d": float(np.mean([result.distance for result in results])),
        "lse_c": float(np.mean([result.confidence for result in results])),
    }
    return [
        Figure(
            protocol=protocol,
            metric=metric,
            value=value,
            evaluator=evaluator_name(instruments),
            detail=f"against {whose}; {told}",
            offset_frames=results[0].offset_frames if len(results) == 1 else None,
        )
        for metric, value in values.items()
    ]


def _told(face: FaceClip, result: LseResult) -> str:
    last = face.first_frame + len(face.frames) - 1
    return (
        f"face of {face.face_px:.0f} px in frames {face.first_frame} to {last}: "
        f"offset {result.offset_frames} frames, {result.num_windows} windows"
    )
