"""The SFD + FAN back end: the package's networks with random weights; decoding against the package's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from assets.faces.backends import face_networks
from assets.faces.backends.face_alignment import FaceAlignmentBackend, fan_square
from assets.faces.backends.face_networks import (
    FaceNetworks,
    build_networks,
    decode_detections,
    decode_heatmaps,
)
from assets.faces.backends.interface import BackendUnavailableError
from assets.faces.backends.opening import open_backend
from assets.faces.landmarks import overlaps
from assets.faces.settings import TrackSettings

RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def untrained() -> FaceAlignmentBackend:
    torch.manual_seed(0)
    return FaceAlignmentBackend(FaceNetworks(*build_networks(), device="cpu"), batch_frames=2)


def outputs_of_strides(batch: int, height: int, width: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    outputs = []
    for level in range(6):
        size = (height >> (level + 2), width >> (level + 2))
        outputs += [torch.randn(batch, 2, *size) * 1.5, torch.randn(batch, 4, *size) * 0.5]
    return outputs


def test_candidates_are_those_of_the_package_without_overlaps() -> None:
    from face_alignment.detection.sfd.detect import get_predictions

    outputs = outputs_of_strides(1, 64, 96)
    theirs = [out.softmax(dim=1) if k % 2 == 0 else out for k, out in enumerate(outputs)]
    candidates = get_predictions([out.numpy() for out in theirs], 1)[0]
    candidates = candidates[candidates[:, 4] > 0.5]
    kept = np.stack([np.append(d.box, d.confidence) for d in decode_detections(outputs)[0]])
    assert (np.diff(kept[:, 4]) <= 0).all()
    for candidate in candidates:
        better = kept[kept[:, 4] >= candidate[4] - 1e-6]
        is_kept = np.isclose(better, candidate, atol=1e-3).all(axis=1).any()
        assert is_kept or overlaps(candidate[:4], better[:, :4]).max() > 0.3 - 1e-5
    for row, face in enumerate(kept):
        assert np.isclose(candidates, face, atol=1e-3).all(axis=1).any()
        assert (overlaps(face[:4], np.delete(kept, row, axis=0)[:, :4]) <= 0.3 + 1e-5).all()


def test_each_image_of_a_batch_gets_its_own_detections() -> None:
    outputs = outputs_of_strides(3, 64, 64)
    together = decode_detections(outputs)
    alone = [decode_detections([out[k : k + 1] for out in outputs])[0] for k in range(3)]
    assert [len(d) for d in together] == [len(d) for d in alone]
    assert len({len(d) for d in together}) > 1
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many[0].box, one[0].box)


def test_heat_maps_are_read_as_the_package_reads_them() -> None:
    from face_alignment.utils import _get_preds_fromhm

    heatmaps = RANDOM.random((2, 68, 64, 64), np.float32)
    points, peaks = (found.numpy() for found in decode_heatmaps(torch.from_numpy(heatmaps)))
    theirs, _ = _get_preds_fromhm.py_func(heatmaps, heatmaps.reshape(2, 68, -1).argmax(axis=-1))
    np.testing.assert_allclose(points, theirs, atol=1e-6)
    np.testing.assert_array_equal(peaks, heatmaps.max(axis=(2, 3)))


class BrightestPlace(torch.nn.Module):
    """Finds all 68 points at the brightest place of the image."""

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [torch.nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4).expand(-1, 68, -1, -1)]


@pytest.mark.parametrize("side", [60, 200, 560])
def test_landmarks_come_back_in_the_pixels_of_the_image(side: int) -> None:
    dot = np.array([310, 270])
    image = np.zeros((600, 640, 3), np.uint8)
    cv2.circle(image, dot.tolist(), side // 12, (255, 255, 255), -1)
    image = cv2.GaussianBlur(image, (0, 0), side / 24)
    networks = FaceNetworks(torch.nn.Identity(), BrightestPlace(), device="cpu")
    backend = FaceAlignmentBackend(networks, batch_frames=4)
    top = 270 - side // 2
    boxes = [np.array([x, top, x + side, top + side], np.float32) for x in (300 - side // 2, 290 - side // 2)]
    found = backend.landmarks([image, image], boxes)
    assert found.shape == (2, 68, 2)
    cell = 2 * side * 200 / 195 / 64
    assert np.abs(found - dot).max() < 0.6 * cell


def test_the_square_of_fan_is_the_packages() -> None:
    left, top, side = fan_square(np.array([100, 80, 200, 200], np.float32))
    assert side == pytest.approx(200 * (100 + 120) / 195)
    assert left + side / 2 == pytest.approx(150) and top + side / 2 == pytest.approx(140 - 0.12 * 120)


def test_networks_of_the_real_shapes_run_in_batches(untrained: FaceAlignmentBackend) -> None:
    images = [
        RANDOM.integers(0, 255, (70, 90, 3), dtype=np.uint8),
        RANDOM.integers(0, 255, (96, 64, 3), dtype=np.uint8),
    ]
    boxes = [np.array([20, 10, 60, 50], np.float32), np.array([5, 5, 55, 60], np.float32)]
    points = untrained.landmarks(images, boxes)
    assert points.shape == (2, 68, 2) and points.dtype == np.float32 and np.isfinite(points).all()
    alone = untrained.landmarks(images[1:], boxes[1:])
    assert np.abs(points[1] - alone[0]).mean() < 1.0
    together = untrained.detect([*images, images[0]])
    for image, faces in zip(images, together, strict=False):
        (alone,) = untrained.detect([image])
        assert faces and len(faces) == len(alone)
        for face, same in zip(faces, alone, strict=True):
            np.testing.assert_allclose(face.box, same.box, atol=1e-3)


def test_missing_weights_are_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        BackendUnavailableError, match=r"s3fd-619a316812\.pth is missing; fetch the weights once.*dlib"
    ):
        open_backend(TrackSettings(backend="face_alignment"))


def test_damaged_weights_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    for path in face_networks.weight_files():
        path.write_bytes(b"not weights")
    with pytest.raises(BackendUnavailableError, match="is damaged: sha256 starts with"):
        open_backend(TrackSettings(backend="face_alignment"))


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert face_networks._device("auto") == "cpu"
    with pytest.raises(BackendUnavailableError, match="torch sees no GPU"):
        face_networks._device("cuda")
