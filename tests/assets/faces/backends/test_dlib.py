"""The dlib back end on a real face."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

from assets.faces.backends.dlib import DlibBackend, model_path, predictor_path
from assets.faces.backends.interface import BackendUnavailableError
from assets.faces.landmarks import boxes_of, overlap
from cals_models.references import PackageFile
from tests.support.array_frames import ArrayFrame, astronaut, cartoon


def test_finds_the_face_and_nothing_else(dlib_backend: DlibBackend) -> None:
    luma = ArrayFrame(astronaut()).gray()
    faces = [d for d in dlib_backend.detect([luma])[0] if d.confidence >= dlib_backend.doubtful_confidence]
    assert len(faces) == 1 and faces[0].confidence > dlib_backend.sure_confidence
    points = dlib_backend.landmarks([luma], [faces[0].box])[0]
    assert overlap(boxes_of(points), faces[0].box) > 0.7


def test_landmarks_don_t_depend_on_the_size_of_the_image(dlib_backend: DlibBackend) -> None:
    luma = ArrayFrame(astronaut()).gray()
    box = dlib_backend.detect([luma])[0][0].box
    points = dlib_backend.landmarks([luma], [box])[0]
    for scale in (0.6, 2.5):
        other = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        scaled = dlib_backend.landmarks([other], [box * np.float32(scale)])[0]
        back = (scaled + 0.5) / scale - 0.5
        assert np.abs(back - points).mean() < 0.012 * (box[2] - box[0])
        assert np.abs((back - points).mean(axis=0)).max() < 0.7


def test_second_opinion_accepts_a_face_and_no_drawing(dlib_backend: DlibBackend) -> None:
    luma = ArrayFrame(astronaut()).gray()
    x0, y0, x1, y1 = dlib_backend.detect([luma])[0][0].box.astype(int)
    half = (x1 - x0) // 2
    around = luma[max(y0 - half, 0) : y1 + half, max(x0 - half, 0) : x1 + half]
    assert dlib_backend.is_face(np.ascontiguousarray(around))
    assert not dlib_backend.is_face(np.ascontiguousarray(ArrayFrame(cartoon()).gray()[20:270, 60:300]))


def test_models_are_found_without_importing_their_package() -> None:
    assert predictor_path().stat().st_size > 50_000_000
    with pytest.raises(
        BackendUnavailableError, match=r"nothing\.dat is missing: pip install --force-reinstall"
    ):
        model_path(PackageFile("face_recognition_models", "models/nothing.dat"))


def test_missing_models_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailableError, match="pip install face-recognition-models"):
        predictor_path()
