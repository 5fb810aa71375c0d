"""From a clip's stored arrays to a window as the networks take it.

Legend: T video frames of a clip, L frames of a window, frames (L, 128, 128, 3) uint8.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.networks.generator import HIDDEN_TOP_ROW
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.sampler import ClipStream

MIN_REFERENCE_DISTANCE_FRAMES = 5
"""A reference frame is farther than this from every target frame."""
POSE_POINTS = np.r_[0:4, 13:17, 27:48]
"""The jaw beside the ears, the nose and the eyes, of the 68."""


def mel_of(clip: ShardClip, start: int, length: int) -> npt.NDArray[np.float32]:
    """The sound of video frames start .. start + length - 1: (80, 4 length)."""
    return clip.mel[:, MELS_PER_FRAME * start : MELS_PER_FRAME * (start + length)]


def lower_half(pictures: Tensor) -> Tensor:
    """Rows 64..127 of crops (..., 3, 128, 128) -> (..., 3, 64, 128)."""
    return pictures[..., HIDDEN_TOP_ROW:, :]


def reference_candidates(
    valid: npt.NDArray[np.bool_], first_target: int, num_targets: int
) -> npt.NDArray[np.int64]:
    """Valid frames farther than 5 frames from every target frame."""
    frames = np.flatnonzero(valid)
    before = frames < first_target - MIN_REFERENCE_DISTANCE_FRAMES
    after = frames > first_target + num_targets - 1 + MIN_REFERENCE_DISTANCE_FRAMES
    return frames[before | after]


def near_in_pose(
    landmarks: npt.NDArray[np.float32], candidates: npt.NDArray[np.int64], frame: int
) -> npt.NDArray[np.int64]:
    """The fifth of the candidates in which the head is held most as in a frame, by points that speech does not move.

    Args:
        landmarks: (T, 68, 2) crop pixels.
        candidates: frames.
        frame: what they are compared with.
    """
    still = landmarks[:, POSE_POINTS]
    distances = np.linalg.norm(still[candidates] - still[frame], axis=-1).mean(axis=-1)
    nearest: npt.NDArray[np.int64] = candidates[np.argsort(distances, kind="stable")]
    return nearest[: -(-len(candidates) // 5)]


def longest_valid_run(valid: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and length of the longest run of valid frames; (0, 0) if there is none."""
    edges = np.diff(np.concatenate([[0], valid.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) == 0:
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest] - starts[longest])


def run_of_clip(
    source: ClipStream, clip: ShardClip, *, max_frames: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]] | None:
    """Frames and mel of a clip's longest valid run, at most `max_frames`; None if shorter than a sync window."""
    start, length = longest_valid_run(clip.valid)
    length = min(length, max_frames)
    if length <= 2 * CONTEXT_FRAMES:
        return None
    return source.frames(clip, range(start, start + length)), mel_of(clip, start, length)


def validation_source(shard_sets: Sequence[ShardSet], *, clip_cache_bytes: int) -> ClipStream:
    """The split `val` of the first set, the dataset's own, in an order that no setting changes."""
    return ClipStream(shard_sets[:1], "val", seed=0, clip_cache_bytes=clip_cache_bytes)


def as_batch(array: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """One array as a batch of one on a device."""
    return torch.from_numpy(np.ascontiguousarray(array))[None].to(device)
