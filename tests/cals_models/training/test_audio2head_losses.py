"""Audio2Head's losses: values that follow from the formulas, and inputs that are rejected."""

from __future__ import annotations

import pytest
import torch

from cals_models.networks.audio2head_keypoints import Keypoints, inverse_2x2, pixel_grid
from cals_models.training.audio2head_losses import (
    draw_affines,
    equivariance,
    mouth_map,
    pose_difference,
    pyramid_l1,
    sequence_l1,
    transform_frames,
)

CPU = torch.device("cpu")


def perfect_detector(affines: torch.Tensor) -> tuple[Keypoints, Keypoints]:
    """Keypoints of frames, and those of the same frames after a transform."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(len(affines), 10, 2, generator=generator)
    jacobians = torch.eye(2) + 0.2 * torch.randn(len(affines), 10, 2, 2, generator=generator)
    back = inverse_2x2(affines[:, None, :, :2])
    moved = (back @ (points - affines[:, None, :, 2])[..., None])[..., 0]
    return Keypoints(points, jacobians), Keypoints(moved, back @ jacobians)


def test_a_perfect_detector_has_no_equivariance_loss() -> None:
    torch.manual_seed(0)
    affines = draw_affines(5, CPU)
    found, moved = perfect_detector(affines)
    points, jacobians = equivariance(found, moved, affines)
    assert points < 1e-5 and jacobians < 1e-4


def test_a_detector_that_ignores_the_transform_has_equivariance_loss() -> None:
    affines = torch.tensor([[[1.0, 0.0, 0.2], [0.0, 1.0, -0.4]]])
    found, _ = perfect_detector(affines)
    points, jacobians = equivariance(found, found, affines)
    assert points.item() == pytest.approx(0.3, abs=1e-5)  # the mean of 0.2 and 0.4
    assert jacobians < 1e-4  # a shift changes no Jacobian


def test_a_transformed_frame_shows_what_lies_at_the_transformed_place() -> None:
    """The keypoint that a perfect detector finds in the transformed frame is where the bright spot is."""
    torch.manual_seed(1)
    affines = draw_affines(1, CPU)
    place = torch.tensor([0.2, -0.3])
    spot = torch.exp(-(pixel_grid(128, 128) - place).square().sum(-1) / 0.005)
    moved = transform_frames(spot.expand(1, 3, -1, -1), affines)[0, 0]
    centre = (moved[..., None] * pixel_grid(128, 128)).sum((0, 1)) / moved.sum()
    expected = inverse_2x2(affines[0, :, :2]) @ (place - affines[0, :, 2])
    assert torch.allclose(centre, expected, atol=0.01)


def test_pyramid_l1_counts_the_mouth_more() -> None:
    weights = mouth_map(128, 4.0)
    assert weights.mean().item() == pytest.approx(1.0) and weights[100, 64] == 4 * weights[10, 64]
    target = torch.zeros(1, 3, 128, 128)
    mouth, brow = target.clone(), target.clone()
    mouth[..., 96:104, 60:68] = 0.5
    brow[..., 32:40, 60:68] = 0.5
    assert pyramid_l1(target, target, 4.0) == 0
    assert pyramid_l1(mouth, target, 4.0).item() == pytest.approx(4 * pyramid_l1(brow, target, 4.0).item())
    assert pyramid_l1(mouth, target, 1.0).item() == pytest.approx(4 * 0.5 * 64 / 128**2)


def test_pyramid_l1_of_different_shapes_is_rejected() -> None:
    with pytest.raises(ValueError, match="must be the same"):
        pyramid_l1(torch.zeros(1, 3, 128, 128), torch.zeros(2, 3, 128, 128), 1.0)


def test_a_constant_error_has_no_velocity() -> None:
    target = torch.randn(2, 6, 3)
    error, velocity = sequence_l1(target + 0.5, target)
    assert error.item() == pytest.approx(0.5, abs=1e-6) and velocity < 1e-6


def test_a_sequence_of_one_frame_is_rejected() -> None:
    with pytest.raises(ValueError, match="of two frames or more"):
        sequence_l1(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3))


def test_poses_differ_in_typical_changes() -> None:
    change = torch.tensor([0.05, 0.0, 0.0, 0.02, 0.0, -0.04])
    assert torch.allclose(pose_difference(change, torch.zeros(6)), torch.tensor([1.0, 0, 0, 1.0, 0, -2.0]))
