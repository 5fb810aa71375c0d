"""Cuts the aligned crops out of the pictures kept around a face, and packs them as JPEG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, compose, crop_transforms, invert
from assets.faces.frames import picture_to_source
from assets.faces.landmarks import MOUTH, Points
from assets.faces.settings import CropSettings
from assets.faces.stored_track import FaceTrack
from assets.workers.rejected import Rejected

STAGE = "face_crops"
SMALLEST_DIRECT_SCALE = 0.6
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
        Rejected: the mouth leaves the crop's lower half, or too much of the crops lies outside the frame.
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
            f"{len(outside)} frames, first in frame {frame}; its rows range over {mouth[..., 1].min():.0f}..{mouth[..., 1].max():.0f}",
        )


def padding_shares(transforms: Transforms, crop_px: int, frame_size: tuple[int, int]) -> NDArray[np.float64]:
    """Share of each crop that lies outside the frame, counted on a 16 x 16 grid. (T, 2, 3) -> (T,)."""
    axis = (np.arange(PADDING_GRID) + 0.5) * crop_px / PADDING_GRID - 0.5
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    points = apply_transforms(invert(transforms), np.broadcast_to(grid, (len(transforms), *grid.shape)))
    width, height = frame_size
    inside = (
        (points >= -0.5).all(axis=-1) & (points[..., 0] <= width - 0.5) & (points[..., 1] <= height - 0.5)
    )
    shares: NDArray[np.float64] = 1 - inside.mean(axis=-1)
    return shares


def cut_crops(
    pictures: Iterable[NDArray[np.uint8]], track: FaceTrack, plan: CropPlan, crop_px: int
) -> Iterator[NDArray[np.uint8]]:
    """Yields (crop_px, crop_px, 3) RGB crops; what lies outside the frame repeats its edge.

    Pictures were averaged down to about one to two times the crop's scale when they were kept. Where they are
    still clearly larger, the crop is drawn at twice its size and averaged, so that nothing aliases.
    """
    to_crop = [
        compose(plan.transforms[t], picture_to_source(track.region(t))) for t in range(track.num_frames)
    ]
    scale = float(np.median([np.hypot(m[0, 0], m[1, 0]) for m in to_crop]))
    zoom = 2 if scale < SMALLEST_DIRECT_SCALE else 1
    enlarge = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
    size = (crop_px * zoom, crop_px * zoom)
    for picture, transform in zip(pictures, to_crop, strict=True):
        drawn = cv2.warpAffine(
            picture,
            compose(enlarge, transform),
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if zoom > 1:
            drawn = cv2.resize(drawn, (crop_px, crop_px), interpolation=cv2.INTER_AREA)
        yield drawn


def pack_jpegs(crops: Iterable[NDArray[np.uint8]], quality: int) -> tuple[bytes, NDArray[np.int64]]:
    """Concatenated 4:4:4 JPEGs, which any MJPEG reader plays, and the T + 1 byte offsets between them."""
    coded = [
        simplejpeg.encode_jpeg(crop, quality=quality, colorspace="RGB", colorsubsampling="444")
        for crop in crops
    ]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in coded])]).astype(np.int64)
    return b"".join(coded), offsets


def unpack_jpegs(mjpeg: bytes, offsets: NDArray[np.int64], frames: Iterable[int]) -> NDArray[np.uint8]:
    """(S, H, W, 3) RGB of the chosen frames of a packed clip; no other is decoded."""
    return np.stack(
        [simplejpeg.decode_jpeg(mjpeg[offsets[t] : offsets[t + 1]], colorspace="RGB") for t in frames]
    )
