"""CSIM: equal faces, another person, too few frames, missing weights; the embedding against dlib's own aligned chip."""

from __future__ import annotations

from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from assets.faces.backends.dlib import DlibBackend, model_path
from assets.faces.backends.interface import BackendUnavailableError
from assets.metrics import identity
from assets.metrics.crop_landmarks import CropLandmarks, landmark_crops
from assets.metrics.identity import EMBEDDING_MODEL, FaceEmbedder, csim_value, without_csim
from tests.support.array_frames import astronaut

Frames = NDArray[np.uint8]


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


@pytest.fixture(scope="module")
def face() -> tuple[Frames, CropLandmarks]:
    """Six frames of one face, each a little darker than the one before."""
    crop = cv2.resize(astronaut()[20:220, 120:320], (128, 128), interpolation=cv2.INTER_AREA)
    frames = np.stack([(crop * (1 - 0.05 * step)).astype(np.uint8) for step in range(6)])
    return frames, landmark_crops(frames, DlibBackend())


def without_some(landmarks: CropLandmarks, *numbers: int) -> CropLandmarks:
    points = landmarks.points.copy()
    points[list(numbers)] = np.nan
    return CropLandmarks(points=points)


def cosine_by_chips(frames: Frames, other: Frames, points: NDArray[np.float32], places: list[int]) -> float:
    """The mean cosine from dlib's own chips of 150 px."""
    network = dlib.face_recognition_model_v1(str(model_path(EMBEDDING_MODEL)))
    cosines = []
    for place in places:
        pair = []
        for image in (frames[place], other[place]):
            found = dlib.full_object_detection(
                dlib.rectangle(0, 0, 127, 127),
                [dlib.point(*map(round, point)) for point in points[place].tolist()],
            )
            chip = dlib.get_face_chip(image, found, size=150, padding=0.25)
            pair.append(np.array(network.compute_face_descriptor(chip)))
        cosines.append(np.dot(*pair) / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1]))
    return float(np.mean(cosines))


def test_equal_frames_are_one_person(embedder: FaceEmbedder, face: tuple[Frames, CropLandmarks]) -> None:
    frames, landmarks = face
    value = csim_value((frames, frames), (landmarks, landmarks), embedder, 4)
    assert value.value == pytest.approx(1, abs=1e-12)
    assert (value.protocol, value.metric, value.detail) == ("primary", "csim", None)
    assert value.evaluator == "dlib_face_recognition_resnet_v1"


def test_a_changed_face_has_the_cosine_of_its_embedding(
    embedder: FaceEmbedder, face: tuple[Frames, CropLandmarks]
) -> None:
    frames, landmarks = face
    wide = np.stack([cv2.resize(frame, (128, 160))[16:144] for frame in frames])
    value = csim_value((wide, frames), (landmarks, landmarks), embedder, 3).value
    assert value == pytest.approx(cosine_by_chips(wide, frames, landmarks.points, [0, 2, 5]), abs=1e-6)
    assert value is not None and 0.6 < value < 0.98


def test_frames_without_a_face_in_both_are_left_out(
    embedder: FaceEmbedder, face: tuple[Frames, CropLandmarks]
) -> None:
    frames, landmarks = face
    pair = (without_some(landmarks, 0, 1, 2), without_some(landmarks, 4, 5))
    value = csim_value((frames, frames), pair, embedder, 4)
    assert value.value == pytest.approx(1) and value.detail == "only 1 of the frames show a face in both"
    none = csim_value(
        (frames, frames), (without_some(landmarks, 0, 1, 2), without_some(landmarks, 3, 4, 5)), embedder, 4
    )
    assert none.value is None and none.detail == "no frame shows a face in both the render and the truth"
    assert without_csim("why", embedder).detail == "why"


def test_embeddings_of_few_frames_are_kept(face: tuple[Frames, CropLandmarks]) -> None:
    frames, landmarks = face
    embedder = FaceEmbedder()
    first = embedder.of(frames[0], landmarks.points[0])
    assert embedder.of(frames[0].copy(), landmarks.points[0].copy()) is first
    for shift in range(identity.NUM_KEPT):
        embedder.of(np.roll(frames[1], shift + 1, axis=1), landmarks.points[1])
    assert embedder.of(frames[0], landmarks.points[0]) is not first


def test_missing_weights_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(_: object) -> Path:
        raise BackendUnavailableError("x.dat is missing: pip install face-recognition-models")

    monkeypatch.setattr(identity, "model_path", absent)
    with pytest.raises(BackendUnavailableError, match=r"^x\.dat is missing"):
        FaceEmbedder()
