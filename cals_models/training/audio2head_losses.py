"""Losses of Audio2Head's two trainings. Lower is better for all of them.

Source: First Order Motion Model (Siarohin et al., NeurIPS 2019) for reconstruction at several sizes and equivariance, of
which the perceptual part is left out; transforms are affine in place of thin-plate splines.

Legend: N frames, B windows, L frames of a window, K keypoints, H = W crop size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.networks.audio2head_animator import sample
from cals_models.networks.audio2head_keypoints import Keypoints, inverse_2x2, pixel_grid

NUM_SIZES = 4
MAX_TURN = 0.2
MAX_STRETCH = 0.15
MAX_SHIFT = 0.1
POSE_UNITS = (0.05, 0.05, 0.05, 0.02, 0.02, 0.02)
"""Typical changes of the six numbers of a pose while a person speaks."""
_MOUTH_ROWS, _MOUTH_COLUMNS = (0.62, 0.90), (0.30, 0.70)


def mouth_map(crop_px: int, mouth_weight: float) -> Tensor:
    """Weights of a crop's pixels, float32 (crop_px, crop_px), mean 1: those of the mouth count `mouth_weight` times."""
    weights = torch.ones(crop_px, crop_px)
    rows, columns = (
        slice(*(round(share * crop_px) for share in shares)) for shares in (_MOUTH_ROWS, _MOUTH_COLUMNS)
    )
    weights[rows, columns] = mouth_weight
    return weights / weights.mean()


def pyramid_l1(generated: Tensor, target: Tensor, mouth_weight: float) -> Tensor:
    """L1 at the crop's size, a half, a quarter and an eighth of it, summed.

    Args:
        generated, target: float (N, 3, H, W), RGB in [0, 1].
        mouth_weight: the mouth's pixels count so many times.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> round(pyramid_l1(torch.zeros(1, 3, 128, 128), torch.ones(1, 3, 128, 128), 4.0).item(), 4)
        4.0
    """
    if generated.shape != target.shape:
        raise ValueError(
            f"generated {tuple(generated.shape)}, target {tuple(target.shape)}: must be the same"
        )
    difference = (generated - target).float()
    weights = mouth_map(target.shape[-1], mouth_weight).to(difference)
    terms = []
    for _ in range(NUM_SIZES):
        terms.append((difference.abs() * weights).mean())
        difference, weights = F.avg_pool2d(difference, 2), F.avg_pool2d(weights[None], 2)[0]
    return torch.stack(terms).sum()


def draw_affines(count: int, device: torch.device) -> Tensor:
    """Random affine transforms z -> A z + b, float32 (count, 2, 3), by torch's generator: turns, stretches, shifts."""
    turns = (2 * torch.rand(count) - 1) * MAX_TURN
    turn = torch.stack([turns.cos(), -turns.sin(), turns.sin(), turns.cos()], dim=1).view(count, 2, 2)
    stretch = torch.eye(2) + (2 * torch.rand(count, 2, 2) - 1) * MAX_STRETCH
    shift = (2 * torch.rand(count, 2, 1) - 1) * MAX_SHIFT
    return torch.cat([turn @ stretch, shift], dim=2).to(device)


def transform_frames(frames: Tensor, affines: Tensor) -> Tensor:
    """Frames (N, 3, H, W) whose pixel at z is that of the given ones at A z + b, beyond the border the border's."""
    grid = pixel_grid(*frames.shape[-2:]).to(frames)
    places = torch.einsum("nij,hwj->nhwi", affines[:, :, :2], grid) + affines[:, None, None, :, 2]
    return sample(frames, places)


def equivariance(found: Keypoints, found_moved: Keypoints, affines: Tensor) -> tuple[Tensor, Tensor]:
    """What keypoints of transformed frames differ from transformed keypoints.

    Args:
        found: of N frames.
        found_moved: of the same frames after `transform_frames`.
        affines: float (N, 2, 3).

    Returns:
        |p - (A p' + b)| and |1 - J^-1 A J'|, each averaged: two scalars, 0 for a perfect detector.
    """
    matrices = affines[:, None, :, :2]  # (N, 1, 2, 2)
    back = (matrices @ found_moved.points[..., None])[..., 0] + affines[:, None, :, 2]
    points = (found.points - back).abs().mean()
    turn = inverse_2x2(found.jacobians) @ matrices @ found_moved.jacobians
    return points, (torch.eye(2, device=turn.device) - turn).abs().mean()


def sequence_l1(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """L1 of a sequence, and of its changes from frame to frame.

    Args:
        predicted, target: float (B, L, ...), L >= 2.

    Returns:
        Two scalars.

    Raises:
        ValueError: the shapes differ, or there is one frame alone.

    Example:
        >>> line = torch.arange(4.0)[None]
        >>> [value.item() for value in sequence_l1(2 * line, line)]
        [1.5, 1.0]
    """
    if predicted.shape != target.shape or target.shape[1] < 2:
        raise ValueError(
            f"predicted {tuple(predicted.shape)}, target {tuple(target.shape)}: must be the same, of two frames or more"
        )
    return (predicted - target).abs().mean(), (predicted.diff(dim=1) - target.diff(dim=1)).abs().mean()


def pose_difference(predicted: Tensor, target: Tensor) -> Tensor:
    """Poses' differences (..., 6) in units of `POSE_UNITS`."""
    return (predicted - target) / torch.tensor(POSE_UNITS, device=target.device)
