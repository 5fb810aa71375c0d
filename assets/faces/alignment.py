"""Similarity transforms that place a face in its crop, smoothed over time.

A clip's own mean face is placed in the crop once. Each frame is then fitted to that mean face by points that neither
speech nor blinking moves, and the sequence of transforms is smoothed with a zero-phase filter, so that the crop stays
on the face while the mouth moves freely in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.faces.canonical_face import MOUTH_ROW, TEMPLATE_PX, template
from assets.faces.landmarks import MOUTH, RIGID, Points

Transforms = NDArray[np.float64]


def fit_similarity(points: NDArray[np.floating], targets: NDArray[np.floating]) -> Transforms:
    """Least-squares rotation, uniform scale and shift from points to targets.

    Args:
        points: (..., N, 2), pixels.
        targets: (..., N, 2), pixels, broadcast against points.

    Returns:
        (..., 2, 3) float64, points to targets.
    """
    points, targets = np.broadcast_arrays(np.asarray(points, np.float64), np.asarray(targets, np.float64))
    from_mean, to_mean = points.mean(axis=-2), targets.mean(axis=-2)
    a, b = points - from_mean[..., None, :], targets - to_mean[..., None, :]
    power = np.maximum((a**2).sum(axis=(-1, -2)), 1e-12)
    cosine = (a * b).sum(axis=(-1, -2)) / power
    sine = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(axis=-1) / power
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    shift = to_mean - (turn @ from_mean[..., None])[..., 0]
    fitted: Transforms = np.concatenate([turn, shift[..., None]], axis=-1)
    return fitted


def apply_transforms(transforms: Transforms, points: NDArray[np.floating]) -> Points:
    """Points (..., N, 2) under transforms (..., 2, 3), float32."""
    turned = np.einsum("...ij,...nj->...ni", transforms[..., :2], points)
    moved: Points = (turned + transforms[..., None, :, 2]).astype(np.float32)
    return moved


def invert(transforms: Transforms) -> Transforms:
    """Inverse of (..., 2, 3) similarity transforms: crop pixels to source pixels, for pasting a crop back."""
    turn = np.linalg.inv(transforms[..., :2])
    return np.concatenate([turn, -(turn @ transforms[..., 2:])], axis=-1)


def compose(outer: Transforms, inner: Transforms) -> Transforms:
    """The (..., 2, 3) transform that applies ``inner`` first."""
    turn = outer[..., :2] @ inner[..., :2]
    return np.concatenate([turn, outer[..., :2] @ inner[..., 2:] + outer[..., 2:]], axis=-1)


def mean_face(landmarks: Points, iterations: int = 3) -> NDArray[np.float64]:
    """(68, 2) mean of (T, 68, 2) landmarks after fitting each frame to it by its rigid points."""
    mean: NDArray[np.float64] = landmarks[len(landmarks) // 2].astype(np.float64)
    for _ in range(iterations):
        fitted = fit_similarity(landmarks[:, RIGID], mean[RIGID])
        mean = apply_transforms(fitted, landmarks).astype(np.float64).mean(axis=0)
    return mean


def place_mean_face(mean: NDArray[np.float64], crop_px: int) -> NDArray[np.float64]:
    """The mean face (68, 2) in crop pixels: fitted to the template, with the mouth's centre on the template's row."""
    target = template(crop_px)
    placed = apply_transforms(fit_similarity(mean, target), mean).astype(np.float64)
    row = (MOUTH_ROW + 0.5) * crop_px / TEMPLATE_PX - 0.5
    placed[:, 1] += row - placed[MOUTH, 1].mean()
    return placed


def smooth_zero_phase(values: NDArray[np.float64], sigma_frames: float) -> NDArray[np.float64]:
    """Gaussian smoothing along the first axis, symmetric in time, so without delay.

    The -3 dB point is at 0.1325 / sigma cycles a frame (3.3 Hz for sigma 1 at 25 fps). At the ends the sequence is
    continued by reflection through its last point, which keeps a steady motion steady.

    Args:
        values: (T, D).
        sigma_frames: standard deviation of the Gaussian, frames; 0 smooths nothing.

    Returns:
        (T, D) float64.
    """
    if sigma_frames == 0 or len(values) < 2:
        return values.copy()
    reach = min(int(np.ceil(3 * sigma_frames)), len(values) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    kernel /= kernel.sum()
    before = 2 * values[:1] - values[reach:0:-1]
    after = 2 * values[-1:] - values[-2 : -2 - reach : -1]
    padded = np.concatenate([before, values, after])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    smooth: NDArray[np.float64] = windows @ kernel
    return smooth


def crop_transforms(
    landmarks: Points, crop_px: int, *, centre_sigma_frames: float, size_sigma_frames: float
) -> Transforms:
    """Smoothed transforms from source pixels to crop pixels.

    Args:
        landmarks: (T, 68, 2) source pixels.
        crop_px: side of the crop.
        centre_sigma_frames: smoothing of the crop's centre in the source, frames.
        size_sigma_frames: smoothing of its size and rotation, which suffer more from jitter of the landmarks.

    Returns:
        (T, 2, 3) float64.
    """
    reference = place_mean_face(mean_face(landmarks), crop_px)
    to_source = invert(fit_similarity(landmarks[:, RIGID], reference[RIGID]))
    middle = reference[RIGID].mean(axis=0)
    centre = to_source[:, :, :2] @ middle + to_source[:, :, 2]
    log_size = np.log(np.hypot(to_source[:, 0, 0], to_source[:, 1, 0]))
    angle = np.unwrap(np.arctan2(to_source[:, 1, 0], to_source[:, 0, 0]))
    centre = smooth_zero_phase(centre, centre_sigma_frames)
    size_and_angle = smooth_zero_phase(np.stack([log_size, angle], axis=-1), size_sigma_frames)
    size, angle = np.exp(size_and_angle[:, 0]), size_and_angle[:, 1]
    cosine, sine = size * np.cos(angle), size * np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    shift = centre - turn @ middle
    return invert(np.concatenate([turn, shift[..., None]], axis=-1))
