"""Where the crops of a clip lie, and whether they can be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, crop_transforms, invert
from assets.faces.landmarks import MOUTH, Points
from assets.faces.settings import CropSettings
from assets.faces.stored_track import FaceTrack
from assets.workers.rejected import Rejected

STAGE = "face_crops"
PADDING_GRID = 16


@dataclass(frozen=True, kw_only=True)
class CropPlan:
    """Where the crops of a clip lie.

    Args:
        transforms: (T, 2, 3) float64, source pixels to crop pixels; their inverse pastes a crop back.
        landmarks: (T, 68, 2) float32, crop pixels.
        padding: (T,) share of each crop's pixels that lie outside the frame.
    """

    transforms: Transforms
    landmarks: Points
    padding: NDArray[np.float64]

    @property
    def lip_rows(self) -> tuple[float, float]:
        """Highest and lowest crop row that the lips reach in any frame."""
        rows = self.landmarks[:, MOUTH, 1]
        return float(rows.min()), float(rows.max())


def plan_crops(track: FaceTrack, settings: CropSettings) -> CropPlan:
    """Places the crops of a track.

    Raises:
        Rejected: mouth_outside_lower_half, face_outside_frame.
    """
    transforms = crop_transforms(
        track.landmarks,
        settings.crop_px,
        centre_sigma_frames=settings.centre_sigma_frames,
        size_sigma_frames=settings.size_sigma_frames,
    )
    landmarks = apply_transforms(transforms, track.landmarks)
    padding = padding_shares(transforms, settings.crop_px, track.frame_size)
    _check_mouth(landmarks, track, settings.crop_px)
    if padding.mean() > settings.max_padding_share:
        raise Rejected(
            STAGE,
            "face_outside_frame",
            f"{padding.mean():.0%} of the crops' pixels lie outside the frame (at most "
            f"{settings.max_padding_share:.0%} are accepted)",
        )
    return CropPlan(transforms=transforms, landmarks=landmarks, padding=padding)


def _check_mouth(landmarks: Points, track: FaceTrack, crop_px: int) -> None:
    mouth = landmarks[:, MOUTH]
    low, high = np.array([0, crop_px / 2]), np.array([crop_px - 1, crop_px - 1])
    outside = np.atleast_1d(((mouth < low) | (mouth > high)).any(axis=(1, 2)))
    if outside.any():
        frame = track.first_frame + int(np.argmax(outside))
        raise Rejected(
            STAGE,
            "mouth_outside_lower_half",
            f"the mouth leaves rows {crop_px // 2}..{crop_px - 1} of the crop in {int(outside.sum())} of "
            f"{len(outside)} frames, first in frame {frame}; its rows range over "
            f"{mouth[..., 1].min():.0f}..{mouth[..., 1].max():.0f}",
        )


def padding_shares(transforms: Transforms, crop_px: int, frame_size: tuple[int, int]) -> NDArray[np.float64]:
    """Share of each crop that lies outside the frame, counted on a 16 x 16 grid.

    Args:
        transforms: (T, 2, 3), source pixels to crop pixels.
        crop_px: side of the crop.
        frame_size: width and height of the source, pixels.

    Returns:
        (T,) float64, 0 to 1.
    """
    axis = (np.arange(PADDING_GRID) + 0.5) * crop_px / PADDING_GRID - 0.5
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    points = apply_transforms(invert(transforms), np.broadcast_to(grid, (len(transforms), *grid.shape)))
    width, height = frame_size
    inside = (
        (points >= -0.5).all(axis=-1) & (points[..., 0] <= width - 0.5) & (points[..., 1] <= height - 0.5)
    )
    shares: NDArray[np.float64] = 1 - inside.mean(axis=-1)
    return shares
