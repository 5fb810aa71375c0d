"""Random perspective: matrices and warped frames against places computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cals_models.training.perspective import CORNERS, NO_CHANGE, draw_perspective, homography, warp


def test_a_homography_maps_the_corners_to_the_given_places() -> None:
    corners = CORNERS + np.random.default_rng(0).uniform(-0.2, 0.2, (4, 2))
    mapped = np.c_[CORNERS, np.ones(4)] @ homography(corners).T
    assert np.allclose(mapped[:, :2] / mapped[:, 2:], corners)


def test_no_change_leaves_frames_as_they_are_and_a_shift_moves_whole_pixels() -> None:
    frames = torch.rand(2, 3, 8, 8)
    shift = NO_CHANGE.copy()
    shift[0, 2] = 2 * 3 / 8  # three pixels to the right in the original
    warped = warp(frames, torch.from_numpy(np.stack([NO_CHANGE, shift])))
    assert torch.allclose(warped[0], frames[0], atol=1e-5)
    assert torch.allclose(warped[1, :, :, :5], frames[1, :, :, 3:], atol=1e-5)
    assert torch.allclose(warped[1, :, :, 5:], frames[1, :, :, 7:].expand(-1, -1, 3), atol=1e-5)


def test_changes_stay_within_their_limits_and_differ() -> None:
    rng = np.random.default_rng(0)
    corners = []
    for _ in range(50):
        mapped = np.c_[CORNERS, np.ones(4)] @ draw_perspective(0.05, 0.1, rng).astype(np.float64).T
        corners.append(mapped[:, :2] / mapped[:, 2:])
    distance = np.abs(np.array(corners) - CORNERS)
    assert distance.max() <= 1.1 * 1.1 - 1 + 1e-5 and distance.max() > 0.12
    assert np.array_equal(draw_perspective(0.0, 0.0, rng), NO_CHANGE)


def test_a_wrong_number_of_matrices_is_named() -> None:
    with pytest.raises(ValueError, match=r"matrices \(1, 3, 3\): expected \(2, 3, 3\)"):
        warp(torch.rand(2, 3, 8, 8), torch.from_numpy(NO_CHANGE)[None])
