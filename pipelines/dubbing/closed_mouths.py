"""Crops in which a face has its mouth closed, from the source itself: what is shown where the mouth rests.

Legend: N frames of a stretch, K crops kept of it, S side of a crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import apply_transforms
from assets.faces.canonical_face import TEMPLATE_PX
from assets.faces.landmarks import Points, mouth_opening
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.close_mouth import close_mouth

Crop = NDArray[np.uint8]

# Crops kept of a stretch, and the share of its frames, those with the smallest opening, among which they are.
KEPT, CLOSED_SHARE = 12, 0.05
# The opening of a frame is the median over so many: a closed mouth between two vowels is no rest.
STEADY_FRAMES = 5
# Points that show the pose of the head and not the mouth: jaw beside the eyes, nose, corners of the eyes.
POSE = np.array([0, 1, 2, 3, 13, 14, 15, 16, *range(27, 36), 36, 39, 42, 45])
# How much farther than the nearest pose the shown one may be before another is shown, and for how many frames both are.
CHANGE_AT, MIXED_FRAMES = 1.4, 4
# The frame's own mouth is shown while its opening stays so small for so many frames.
OWN_OPENING, STILL_FRAMES = 0.035, 12


@dataclass(frozen=True, kw_only=True)
class ClosedMouths:
    """The closed mouths of one stretch.

    Args:
        crops: (K, S, S, 3) RGB.
        points: (K, 68, 2) landmarks, crop pixels.
        landmarks: (N, 68, 2) of the stretch, crop pixels.
        shares: (N, K) how much of each is shown in each frame.
        own: (N,) how much of the frame's own mouth is shown: all where it stays closed, so that it keeps its sharpness.
    """

    crops: NDArray[np.uint8]
    points: Points
    landmarks: Points
    shares: NDArray[np.float32]
    own: NDArray[np.float32]

    def at(self, frame: int, true: Crop) -> Crop:
        """The closed mouth (S, S, 3) for a frame, moved to its pose.

        Args:
            frame: number in the stretch.
            true: its own crop (S, S, 3).
        """
        own = float(self.own[frame])
        if own == 1:
            return true
        mixed = own * true.astype(np.float32)
        for number in np.flatnonzero(self.shares[frame]):
            moved = _in_pose(self.crops[number], self.points[number], self.landmarks[frame])
            mixed += (1 - own) * self.shares[frame, number] * moved
        crop: Crop = np.rint(mixed).clip(0, 255).astype(np.uint8)
        return crop


def closed_frames(stretch: Stretch) -> list[int]:
    """Frames of a stretch, counted from its first, whose mouths are closed, of poses as different as possible.

    They are among those of which the search has kept a view in colour.
    """
    own = mouth_opening(stretch.landmarks)
    opening = np.maximum(own, _median(own))
    known = np.array([frame for frame, mouth in stretch.mouths.items() if mouth.crop is not None])
    order = known[np.argsort(opening[known], kind="stable")]
    num_searched = min(len(own), max(stretch.mouths) + 1)
    candidates = order[: max(1, round(CLOSED_SHARE * num_searched))]
    poses = _poses(stretch.landmarks[candidates])
    kept = [0]
    distance = np.linalg.norm(poses - poses[0], axis=-1)
    while len(kept) < min(KEPT, len(candidates)) and distance.max() > 0:
        kept.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(poses - poses[kept[-1]], axis=-1))
    return sorted(int(candidates[number]) for number in kept)


def closed_mouths(stretch: Stretch) -> ClosedMouths:
    """The closed mouths of a stretch."""
    crops, places = [], []
    for frame in closed_frames(stretch):
        mouth = stretch.mouths[frame]
        assert mouth.crop is not None
        places.append(apply_transforms(mouth.to_crop, mouth.points))
        crops.append(close_mouth(mouth.crop, places[-1], stretch.closed_opening))
    points = np.stack(places)
    scale = np.float32(crops[0].shape[0] / TEMPLATE_PX)
    return ClosedMouths(
        crops=np.stack(crops),
        points=points,
        landmarks=stretch.landmarks,
        shares=_shares(_poses(stretch.landmarks) / scale, _poses(points) / scale),
        own=_own(mouth_opening(stretch.landmarks)),
    )


def _poses(points: Points) -> NDArray[np.float32]:
    """(N, P) places of the points that show the pose, in the crop."""
    return points[:, POSE].reshape(len(points), -1)


def _shares(poses: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, K) which kept pose each frame shows; it stays until another is clearly nearer, and changes softly.

    Places are in pixels of a crop of ``TEMPLATE_PX``.
    """
    shown = np.zeros((len(poses), len(kept)), np.float32)
    current: int | None = None
    for number, pose in enumerate(poses):
        distance = np.linalg.norm(kept - pose, axis=-1)
        if current is None or distance[current] > CHANGE_AT * distance.min() + 1:
            current = int(distance.argmin())
        shown[number, current] = 1
    return _softly(shown)


def _own(opening: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) 1 in runs of ``STILL_FRAMES`` or more frames whose own mouth is closed, 0 elsewhere, with soft changes."""
    closed = opening <= OWN_OPENING
    starts = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    shown = np.zeros(len(opening), np.float32)
    for first, end in starts.reshape(-1, 2):
        if end - first >= min(STILL_FRAMES, len(opening)):
            shown[first:end] = 1
    return _softly(shown)


def _softly(shown: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values (N, ...) averaged over ``MIXED_FRAMES`` frames."""
    around = (MIXED_FRAMES // 2, (MIXED_FRAMES - 1) // 2)
    padded = np.pad(shown, (around, *[(0, 0)] * (shown.ndim - 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, MIXED_FRAMES, axis=0)
    soft: NDArray[np.float32] = windows.mean(axis=-1, dtype=np.float32)
    return soft


def _in_pose(crop: Crop, points: Points, wanted: Points) -> Crop:
    """A crop whose face has its points in the place of others, as nearly as an affine map takes them there."""
    given = np.concatenate([points[POSE], np.ones((len(POSE), 1), np.float32)], axis=-1)
    moves, *_ = np.linalg.lstsq(given, wanted[POSE], rcond=None)
    moved: Crop = cv2.warpAffine(
        crop, moves.T, crop.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return moved


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    reach = STEADY_FRAMES // 2
    padded = np.pad(values, reach, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, STEADY_FRAMES), axis=-1)
