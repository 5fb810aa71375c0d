"""Random changes of where a face lies in its frame: perspective and scale, by which a code learns nothing of who is shown.

A change is a 3 x 3 matrix in coordinates from -1 to 1; it maps places in the changed frame to places in the original.

Legend: N frames, H, W.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
NO_CHANGE: npt.NDArray[np.float32] = np.eye(3, dtype=np.float32)


def draw_perspective(
    perspective_jitter: float, scale_jitter: float, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A random change.

    Args:
        perspective_jitter: largest displacement of a corner in x and in y, as a share of the frame's size, below 0.25.
        scale_jitter: largest relative change of the size, 0 to 1.
        generator: decides it.

    Returns:
        float32 (3, 3).
    """
    moved = CORNERS + 2 * generator.uniform(-perspective_jitter, perspective_jitter, (4, 2))
    return homography(moved * (1 + generator.uniform(-scale_jitter, scale_jitter))).astype(np.float32)


def homography(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The matrix that maps the corners of the frame to four other places.

    Args:
        corners: (4, 2), (x, y), from top left clockwise; no three on a line.

    Returns:
        (3, 3), its last number 1.

    Example:
        >>> homography(2 * CORNERS).round(3).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rows = []
    for (x, y), (u, v) in zip(CORNERS, corners, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = np.linalg.solve(np.array(rows), corners.reshape(-1))
    return np.append(solved, 1.0).reshape(3, 3) + 0.0


def warp(frames: Tensor, matrices: Tensor) -> Tensor:
    """Changes frames, bilinearly; beyond the border is the border's colour.

    Args:
        frames: float (N, 3, H, W).
        matrices: float (N, 3, 3).

    Returns:
        float32 (N, 3, H, W).

    Raises:
        ValueError: not one matrix a frame.
    """
    num_frames, _, height, width = frames.shape
    if tuple(matrices.shape) != (num_frames, 3, 3):
        raise ValueError(f"matrices {tuple(matrices.shape)}: expected {(num_frames, 3, 3)}")
    # Centres of the first and last pixel, as `align_corners=False` counts.
    y, x = (
        (2 * torch.arange(size, device=frames.device, dtype=torch.float32) + 1) / size - 1
        for size in (height, width)
    )
    places = torch.stack(
        [
            x.expand(height, width),
            y[:, None].expand(height, width),
            torch.ones(1, 1, device=x.device).expand(height, width),
        ],
        dim=-1,
    )
    mapped = places @ matrices.float().transpose(1, 2)[:, None]
    grid = mapped[..., :2] / mapped[..., 2:]
    return F.grid_sample(frames.float(), grid, padding_mode="border", align_corners=False)
