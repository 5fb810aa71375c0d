"""Head poses: PnP finds known ones, whatever the mouth does; boxes are drawn where they project to."""

from __future__ import annotations

import pytest
import torch

from cals_models.networks.audio2head_pose import (
    POSE_POINTS,
    draw_boxes,
    head_poses,
    project,
    rigid_face,
    rotation_matrices,
    rotation_vectors,
)


def known_poses(count: int) -> torch.Tensor:
    """Turns of up to a radian, shifts, sizes."""
    generator = torch.Generator().manual_seed(3)
    turns = 0.35 * torch.randn(count, 3, generator=generator)
    shifts = 0.1 * torch.randn(count, 2, generator=generator)
    return torch.cat([turns, shifts, 0.7 + 0.6 * torch.rand(count, 1, generator=generator)], dim=1)


def landmarks_of(poses: torch.Tensor, crop_px: int) -> torch.Tensor:
    landmarks = 60 * torch.ones(len(poses), 68, 2)
    landmarks[:, list(POSE_POINTS)] = (project(rigid_face(), poses) + 1) * crop_px / 2 - 0.5
    return landmarks


@pytest.mark.parametrize("crop_px", [128, 256])
def test_pnp_finds_the_pose_of_projected_points(crop_px: int) -> None:
    poses = known_poses(40)
    assert torch.allclose(head_poses(landmarks_of(poses, crop_px), crop_px), poses, atol=1e-5)


def test_the_mouth_does_not_change_a_pose() -> None:
    landmarks = landmarks_of(known_poses(5), 128)
    moved = landmarks.clone()
    moved[:, 48:68] += torch.tensor([3.0, 9.0])
    moved[:, 4:13] += torch.tensor([0.0, 9.0])  # the jaw
    assert torch.equal(head_poses(landmarks, 128), head_poses(moved, 128))


def test_noisy_points_give_a_near_pose() -> None:
    poses = known_poses(40)
    noise = 0.3 * torch.randn(40, 68, 2, generator=torch.Generator().manual_seed(0))
    error = (head_poses(landmarks_of(poses, 128) + noise, 128) - poses).abs()
    assert error[:, :3].mean() < 0.02 and error[:, 3:].mean() < 0.005


@pytest.mark.parametrize(
    "landmarks", [torch.zeros(2, 68, 2), torch.full((2, 68, 2), float("nan"))], ids=["one point", "nan"]
)
def test_points_that_are_no_face_have_no_pose(landmarks: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="landmarks of frame 0 lie in one point or are not finite"):
        head_poses(landmarks, 128)


def test_other_shapes_of_landmarks_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"\(4, 5, 2\): expected \(T, 68, 2\)"):
        head_poses(torch.zeros(4, 5, 2), 128)


def test_rotation_vectors_and_matrices_agree() -> None:
    vectors = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5], [0.3, -0.2, 0.1]])
    matrices = rotation_matrices(vectors)
    quarter_turn = torch.tensor([[1.5]]).cos().item()
    assert torch.allclose(matrices[1, 0, 0], torch.tensor(quarter_turn), atol=1e-6)
    assert torch.allclose(rotation_vectors(matrices), vectors, atol=1e-6)


def test_a_box_is_bright_on_its_edges_and_dark_elsewhere() -> None:
    pose = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    box = draw_boxes(pose, 32)[0]
    assert box.shape == (32, 32) and box.max() <= 1
    left, top = (
        round((1 - 44 / 64) * 16 - 0.5),
        round((1 - 34 / 64) * 16 - 0.5),
    )  # where its left and upper edges project
    assert box[16, left] > 0.7 and box[top, 16] > 0.7 and box[16, 16] < 0.01
    assert torch.allclose(box, box.flip(1), atol=1e-5)


def test_a_moved_pose_moves_the_box() -> None:
    poses = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.25, 0.0, 0.5]])
    here, there = draw_boxes(poses, 32)
    assert torch.allclose(here[:, 4:24], there[:, 8:28], atol=1e-5)  # a quarter of half a crop is 4 px
