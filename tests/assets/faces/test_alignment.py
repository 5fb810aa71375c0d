"""Similarity fits, the canonical face, smoothing."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from assets.faces.alignment import (
    apply_transforms,
    compose,
    crop_transforms,
    fit_similarity,
    invert,
    place_mean_face,
    smooth_zero_phase,
)
from assets.faces.canonical_face import template
from assets.faces.landmarks import MIRRORED, MOUTH

RANDOM = np.random.default_rng(3)


def similarity(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def test_fit_agrees_with_scikit_image() -> None:
    points, targets = RANDOM.normal(size=(2, 13, 2)) * 40
    expected = SimilarityTransform.from_estimate(points, targets)
    np.testing.assert_allclose(fit_similarity(points, targets), expected.params[:2], atol=1e-9)


def test_fit_recovers_a_known_transform_frame_by_frame() -> None:
    known = np.stack([similarity(1.3, 10 * k, 5 * k, -k) for k in range(4)])
    points = np.broadcast_to(template(128), (4, 68, 2))
    np.testing.assert_allclose(fit_similarity(points, apply_transforms(known, points)), known, atol=1e-4)


def test_inverse_and_composition() -> None:
    transform = similarity(0.7, 33, 12, -4)
    np.testing.assert_allclose(compose(transform, invert(transform)), similarity(1, 0, 0, 0), atol=1e-12)


@pytest.mark.parametrize("crop_px", [96, 128, 256])
def test_canonical_face_is_symmetric_and_has_its_mouth_at_three_quarters(crop_px: int) -> None:
    face = template(crop_px)
    mirrored = face[MIRRORED] * [-1, 1] + [crop_px, 0]
    np.testing.assert_allclose(mirrored, face, atol=1.1 * crop_px / 128)
    assert face[MOUTH, 1].mean() == pytest.approx((96.5 * crop_px / 128) - 0.5, abs=0.05)
    assert face[MOUTH, 1].min() > crop_px / 2
    assert face.min() > 0 and face.max() < crop_px


def test_a_long_nose_still_has_its_mouth_on_row_96() -> None:
    face = template(128).astype(np.float64)
    face[MOUTH] += [0, 9]
    placed = place_mean_face(face * 2.5 + 100, 128)
    assert placed[MOUTH, 1].mean() == pytest.approx(96, abs=1e-6)


def test_smoothing_keeps_steady_motion_and_delays_nothing() -> None:
    ramp = np.arange(40.0)[:, None] * [2.0, -1.0] + 5
    np.testing.assert_allclose(smooth_zero_phase(ramp, 2.0), ramp, atol=1e-9)
    pulse = np.zeros((41, 1))
    pulse[20] = 1
    smooth = smooth_zero_phase(pulse, 2.0)[:, 0]
    np.testing.assert_allclose(smooth, smooth[::-1], atol=1e-12)
    assert smooth.argmax() == 20


def test_smoothing_has_its_documented_cut_off() -> None:
    sigma = 3.0
    wave = np.sin(2 * np.pi * 0.1325 / sigma * np.arange(600))[:, None]
    gain = smooth_zero_phase(wave, sigma)[100:500].std() / wave[100:500].std()
    assert gain == pytest.approx(10 ** (-3 / 20), rel=0.01)


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_smoothing_of_very_short_sequences(num_frames: int) -> None:
    values = np.arange(num_frames, dtype=float)[:, None]
    np.testing.assert_allclose(smooth_zero_phase(values, 4.0), values, atol=1e-9)


def test_crops_follow_a_moving_head_and_ignore_the_mouth() -> None:
    num_frames = 50
    face = np.repeat(template(128)[None], num_frames, axis=0)
    face[:, 48:68, 1] += 5 * np.abs(np.sin(np.arange(num_frames)))[:, None] * (np.arange(20) > 6)
    motion = np.stack([similarity(2 + 0.01 * k, 0.4 * k, 300 + 2 * k, 200 - k) for k in range(num_frames)])
    transforms = crop_transforms(
        apply_transforms(motion, face), 128, centre_sigma_frames=1, size_sigma_frames=2
    )
    seen = apply_transforms(transforms, apply_transforms(motion, face))
    still = seen[:, :48]
    assert np.abs(still - still.mean(axis=0)).max() < 0.35
    shape = face[:, MOUTH] - face[:, 33:34]
    scale = np.linalg.norm(seen[0, 45] - seen[0, 36]) / np.linalg.norm(face[0, 45] - face[0, 36])
    np.testing.assert_allclose(seen[:, MOUTH] - seen[:, 33:34], shape * scale, atol=0.35)


def test_crops_don_t_shake_with_the_landmarks() -> None:
    noisy = template(128) * 1.4 + 50 + RANDOM.normal(size=(60, 68, 2)) * 0.7
    transforms = crop_transforms(noisy.astype(np.float32), 128, centre_sigma_frames=1, size_sigma_frames=2)
    corners = apply_transforms(invert(transforms), np.broadcast_to([[0.0, 0], [127, 127]], (60, 2, 2)))
    assert np.abs(np.diff(corners, axis=0)).mean() < 0.25
