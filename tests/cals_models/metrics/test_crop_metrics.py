"""PSNR, SSIM and LMD against scikit-image and plain loops, and what is rejected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cals_models.metrics.crop_metrics import MetricError, lmd, lmd_atvgnet, mouth_region, psnr, ssim
from tests.support.grid_crops import grid_crops, through_jpeg


@pytest.fixture(scope="module")
def pair(grid_clips: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    frames = grid_crops(grid_clips[0])[0][:12].copy()
    return through_jpeg(frames, 70), frames


def reference_ssim(preds: np.ndarray, target: np.ndarray) -> float:
    return structural_similarity(
        preds,
        target,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )


def test_psnr_of_real_frames_equals_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    preds, target = pair
    expected = [peak_signal_noise_ratio(t, p, data_range=255) for p, t in zip(preds, target, strict=True)]
    values = psnr(torch.from_numpy(preds), torch.from_numpy(target))
    assert values.shape == (12,)
    np.testing.assert_allclose(values, expected, atol=1e-4)


def test_ssim_of_real_frames_equals_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    preds, target = pair
    expected = [reference_ssim(p, t) for p, t in zip(preds, target, strict=True)]
    np.testing.assert_allclose(ssim(torch.from_numpy(preds), torch.from_numpy(target)), expected, atol=1e-4)


def test_the_mouth_region_is_measured_by_itself(pair: tuple[np.ndarray, np.ndarray]) -> None:
    preds, target = pair
    mouths = [mouth_region(torch.from_numpy(frames.copy())) for frames in pair]
    assert mouths[0].shape == (12, 64, 128, 3)
    expected = [reference_ssim(p[64:], t[64:]) for p, t in zip(preds, target, strict=True)]
    np.testing.assert_allclose(ssim(*mouths), expected, atol=1e-4)
    decibels = [
        peak_signal_noise_ratio(t[64:], p[64:], data_range=255) for p, t in zip(preds, target, strict=True)
    ]
    np.testing.assert_allclose(psnr(*mouths), decibels, atol=1e-4)


def test_equal_frames_have_ssim_1_and_no_finite_psnr() -> None:
    frames = torch.randint(0, 256, (7, 128, 128, 3), dtype=torch.uint8)
    torch.testing.assert_close(ssim(frames, frames), torch.ones(7))
    assert torch.isinf(psnr(frames, frames)).all()


def test_psnr_does_not_wrap_bytes() -> None:
    target = torch.full((1, 128, 128, 3), 250, dtype=torch.uint8)
    preds = torch.full((1, 128, 128, 3), 5, dtype=torch.uint8)  # 5 - 250 would be 11 in bytes
    assert float(psnr(preds, target)) == pytest.approx(20 * np.log10(255 / 245), abs=1e-4)


def test_lmd_equals_a_loop_over_points() -> None:
    rng = np.random.default_rng(3)
    preds, target = rng.uniform(0, 128, (2, 9, 68, 2)).astype(np.float32)
    expected = []
    for p, t in zip(preds.astype(float), target.astype(float), strict=True):
        centre_p, centre_t = sum(p[48:68]) / 20, sum(t[48:68]) / 20
        total = 0.0
        for point in range(48, 68):
            dx, dy = (p[point] - centre_p) - (t[point] - centre_t)
            total += (dx**2 + dy**2) ** 0.5
        expected.append(total / 20)
    arguments = torch.from_numpy(preds), torch.from_numpy(target)
    np.testing.assert_allclose(lmd(*arguments), expected, atol=1e-6)
    np.testing.assert_allclose(lmd_atvgnet(*arguments), 20 * np.array(expected), atol=1e-5)


def test_lmd_ignores_the_position_of_the_head() -> None:
    points = torch.rand(4, 68, 2) * 128
    assert float(lmd(points + torch.tensor([9.0, -4.0]), points).max()) < 1e-4
    assert float(lmd(points, points).max()) == 0


@pytest.mark.parametrize(
    ("preds", "target", "says"),
    [
        (
            torch.zeros(2, 32, 32, 3, dtype=torch.uint8),
            torch.zeros(3, 32, 32, 3, dtype=torch.uint8),
            "equal number",
        ),
        (
            torch.zeros(0, 32, 32, 3, dtype=torch.uint8),
            torch.zeros(0, 32, 32, 3, dtype=torch.uint8),
            "T >= 1",
        ),
        (
            torch.zeros(2, 3, 32, 32, dtype=torch.uint8),
            torch.zeros(2, 3, 32, 32, dtype=torch.uint8),
            "T, H, W, 3",
        ),
        (torch.zeros(2, 32, 32, 3), torch.zeros(2, 32, 32, 3), "uint8"),
    ],
)
def test_what_cannot_be_compared_is_rejected(preds: torch.Tensor, target: torch.Tensor, says: str) -> None:
    for metric in (psnr, ssim):
        with pytest.raises(MetricError, match=says):
            metric(preds, target)


def test_ssim_rejects_frames_below_its_window() -> None:
    small = torch.zeros(1, 10, 64, 3, dtype=torch.uint8)
    with pytest.raises(MetricError, match="11 x 11"):
        ssim(small, small)


def test_the_mouth_region_of_other_sizes_is_rejected() -> None:
    with pytest.raises(MetricError, match="128"):
        mouth_region(torch.zeros(2, 96, 96, 3, dtype=torch.uint8))


def test_lmd_rejects_missing_landmarks() -> None:
    points = torch.zeros(3, 68, 2)
    with pytest.raises(MetricError, match="same frames"):
        lmd(points, points[:2])
    with pytest.raises(MetricError, match="68, 2"):
        lmd(points[:, :67], points[:, :67])
    lost = points.clone()
    lost[1] = float("nan")
    with pytest.raises(MetricError, match="NaN"):
        lmd(lost, points)
