"""Audio2Head's networks: shapes, known motions, what no evidence gives, inputs that are rejected."""

from __future__ import annotations

import pytest
import torch

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.networks.audio2head import Audio2Head
from cals_models.networks.audio2head_animator import MOTION_PX, Animator, enlarge, sample
from cals_models.networks.audio2head_keypoints import (
    NUM_KEYPOINTS,
    KeypointDetector,
    Keypoints,
    inverse_2x2,
    local_motions,
    near_identity,
    pixel_grid,
)

SMALL = Audio2HeadConfig(
    steps=4, batch_samples=2, window_frames=8, detector_widths=(8, 8, 8), dense_motion_widths=(8, 8, 8),
    renderer_widths=(8, 8), renderer_blocks=1, audio_width=8, hourglass_width=8, pose_width=32,
)  # fmt: skip
FACING = torch.tensor([[0.0, 0.0, 0.0, 0.0, -0.1, 1.0]])


def still_keypoints(count: int) -> Keypoints:
    points = torch.linspace(-0.6, 0.6, NUM_KEYPOINTS)[:, None].expand(count, -1, 2).clone()
    return Keypoints(points, torch.eye(2).repeat(count, NUM_KEYPOINTS, 1, 1))


def test_keypoints_have_their_shapes_and_a_bounded_jacobian() -> None:
    torch.manual_seed(0)
    detector = KeypointDetector((8, 8, 8))
    for size in (128, 256):
        found = detector(torch.rand(2, 3, size, size))
        assert found.points.shape == (2, 10, 2) and found.jacobians.shape == (2, 10, 2, 2)
        assert found.points.abs().max() < 1
    assert torch.equal(Keypoints.from_flat(found.flat()).jacobians, found.jacobians)
    extreme = near_identity(1e6 * torch.tensor([[-1.0, 1.0, 1.0, -1.0], [1.0, 1.0, -1.0, 1.0]]))
    assert extreme.det().min() > 0.19


def test_frames_that_are_not_square_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 3, H, W\) with H = W"):
        KeypointDetector((8, 8, 8))(torch.rand(1, 3, 64, 128))


def test_inverses_are_those_of_linear_algebra() -> None:
    matrices = torch.eye(2) + 0.3 * torch.randn(7, 2, 2, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(inverse_2x2(matrices), torch.linalg.inv(matrices), atol=1e-5)


def test_keypoints_that_shift_move_every_place_with_them() -> None:
    source = still_keypoints(1)
    driving = Keypoints(source.points + torch.tensor([0.25, -0.5]), source.jacobians)
    places = local_motions(source, driving, 32, 32)
    expected = pixel_grid(32, 32) - torch.tensor([0.25, -0.5])
    assert torch.allclose(places, expected.expand_as(places), atol=1e-6)


def test_a_jacobian_of_twice_the_size_shrinks_around_its_keypoint() -> None:
    source = still_keypoints(1)
    driving = Keypoints(source.points, 1.25 * source.jacobians)
    places = local_motions(source, driving, 4, 4)[0, 2]
    centre = source.points[0, 2]
    assert torch.allclose(places, centre + (pixel_grid(4, 4) - centre) / 1.25, atol=1e-6)


def test_frames_sampled_by_a_known_motion_are_shifted() -> None:
    frames = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    motion = pixel_grid(MOTION_PX, MOTION_PX)[None] + torch.tensor([2 * 8 / 128, 0.0])  # 8 px to the right
    moved = sample(frames, enlarge(motion, 128))
    assert torch.allclose(moved[..., :-8], frames[..., 8:], atol=1e-4)
    assert torch.allclose(moved[..., -1], frames[..., -1], atol=1e-4)  # beyond the border


@pytest.mark.parametrize("crop_px", [128, 256])
def test_an_animator_begins_with_the_reference_and_draws_its_size(crop_px: int) -> None:
    torch.manual_seed(0)
    animator = Animator(SMALL, crop_px)
    frames = 0.2 + 0.6 * torch.rand(2, 3, crop_px, crop_px)
    found = animator.detect(frames)
    drawn = animator(frames, found, found)
    assert drawn.shape == frames.shape and drawn.dtype == torch.float32
    assert (drawn - frames).abs().mean() < 0.1
    drawn.mean().backward()
    grads = [p.grad for p in animator.parameters() if p.grad is not None]
    assert len(grads) > 20 and all(torch.isfinite(grad).all() for grad in grads)


def test_an_animator_rejects_other_sizes() -> None:
    with pytest.raises(ValueError, match="crop_px is 96; audio2head animates crops of 128 or 256 px"):
        Animator(SMALL, 96)
    frames = torch.rand(1, 3, 256, 256)
    with pytest.raises(ValueError, match=r"expected \(N, 3, 128, 128\)"):
        Animator(SMALL, 128)(frames, still_keypoints(1), still_keypoints(1))


@pytest.mark.parametrize("num_frames", [1, 7, 29, 64])
def test_motion_of_any_length_starts_at_the_image(num_frames: int) -> None:
    """Keypoints and poses begin near those of the image, for windows of LRW's length as of the original's."""
    torch.manual_seed(0)
    model = Audio2Head(SMALL, 128)
    mel, image = -3 * torch.rand(2, 80, 4 * num_frames), torch.rand(2, 3, 128, 128)
    found, poses = model.observe(image)
    own = model.predict_poses(mel, image, poses)
    assert own.shape == (2, num_frames, 6) and (own - poses[:, None]).abs().max() < 0.05
    predicted = model.predict_keypoints(mel, image, poses, found, own)
    assert predicted.points.shape == (2, num_frames, 10, 2)
    assert predicted.jacobians.shape == (2, num_frames, 10, 2, 2)
    assert (predicted.points - found.points[:, None]).abs().max() < 1e-5
    assert (predicted.jacobians - found.jacobians[:, None]).abs().max() < 1e-5


def test_audio_of_another_length_than_the_poses_is_rejected() -> None:
    model = Audio2Head(SMALL, 128)
    image = torch.rand(1, 3, 128, 128)
    with pytest.raises(ValueError, match=r"expected \(B, 80, 4L\), \(B, L, 6\)"):
        model.predict_keypoints(
            torch.zeros(1, 80, 40), image, FACING, still_keypoints(1), FACING[:, None].expand(-1, 9, -1)
        )


def test_a_pose_is_read_from_the_upper_half_alone() -> None:
    torch.manual_seed(0)
    model = Audio2Head(SMALL, 128)
    frames = torch.rand(2, 3, 128, 128)
    other = frames.clone()
    other[:, :, 64:] = torch.rand(2, 3, 64, 128)
    assert torch.equal(model.reader(frames), model.reader(other))
    other[:, :, 32] = 0
    assert not torch.equal(model.reader(frames), model.reader(other))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 10, "animator_share": 0.01}, "animator_share: 0.01 of 10 steps leaves one of the two parts no update"),
        ({"early_stopping_validations": 2}, "early_stopping_validations is 2; audio2head trains in two parts"),
        ({"window_frames": 4}, "window_frames"),
        ({"mouth_weight": 0.5}, "mouth_weight"),
    ],
)  # fmt: skip
def test_settings_that_cannot_train_are_rejected(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Audio2HeadConfig(**settings)  # type: ignore[arg-type]
