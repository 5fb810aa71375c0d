"""Chooses reference frames: they show the generator whose face it is, but not the mouth that it has to generate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.workers.rejected import Rejected


def reference_indices(
    valid: NDArray[np.bool_], *, policy: str, min_distance_frames: int, stage: str = "renders"
) -> NDArray[np.int64]:
    """For each frame the number of its reference frame.

    Policy ``opposite_half``: all frames of the first half share one reference in the second half, and vice versa: of
    the frames with a detected face that are far enough from every frame they serve, the one nearest to that half's
    middle.

    Args:
        valid: bool (T,), True where a face was detected and not interpolated.
        policy: ``opposite_half``.
        min_distance_frames: least distance between a frame and its reference.
        stage: named in rejections.

    Returns:
        int64 (T,).

    Raises:
        Rejected: too_short, no frame is far enough away.
        ValueError: unknown policy.
    """
    if policy != "opposite_half":
        raise ValueError(f"reference policy {policy!r} is unknown; known: opposite_half")
    num_frames = len(valid)
    half = num_frames // 2
    for_first = _nearest_to_middle(
        valid, half - 1 + min_distance_frames, num_frames, (half + num_frames) // 2
    )
    for_second = _nearest_to_middle(valid, 0, half - min_distance_frames + 1, half // 2)
    if for_first is None or for_second is None:
        raise Rejected(
            stage,
            "too_short",
            f"{num_frames} frames: no reference lies {min_distance_frames} frames or more from all frames of the other "
            f"half; at least {2 * min_distance_frames} frames are needed",
        )
    return np.where(np.arange(num_frames) < half, for_first, for_second)


def _nearest_to_middle(valid: NDArray[np.bool_], first: int, end: int, middle: int) -> int | None:
    candidates = np.arange(first, end)
    if not len(candidates):
        return None
    seen = candidates[valid[candidates]]
    usable = seen if len(seen) else candidates
    return int(usable[np.argmin(np.abs(usable - middle))])
