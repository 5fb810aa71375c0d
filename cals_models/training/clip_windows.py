"""Windows of a clip's stored arrays, as the networks take them.

Legend: T video frames of a clip, L frames of a window, S side of a crop, frames (L, S, S, 3) uint8.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.speech_level import speech_level
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.sampler import ClipStream

MIN_REFERENCE_DISTANCE_FRAMES = 5
"""A reference frame is farther than this from every target frame."""
POSE_POINTS = np.r_[0:4, 13:17, 27:48]
"""Of the 68 landmarks those that speech does not move: the jaw beside the ears, the nose, the eyes."""

CLIPS_FOR_LEVEL = 64


def median_speech_level(source: ClipStream) -> float:
    """Median level of the speech in the first clips of a stream, log10 magnitude (`cals_models.speech_level`)."""
    levels = [speech_level(torch.from_numpy(clip.mel)) for clip in source.first(CLIPS_FOR_LEVEL)]
    return float(np.median(levels))


def mel_of(clip: ShardClip, start: int, length: int) -> npt.NDArray[np.float32]:
    """Mel of video frames start .. start + length - 1: float32 (80, 4 length), log10 magnitudes."""
    return clip.mel[:, MELS_PER_FRAME * start : MELS_PER_FRAME * (start + length)]


def lower_half(frames: Tensor) -> Tensor:
    """Rows S / 2 .. S - 1 of face crops: those that the pose prior hides.

    Args:
        frames: (..., 3, S, S).

    Returns:
        (..., 3, S / 2, S), a view.
    """
    return frames[..., frames.shape[-2] // 2 :, :]


def reference_candidates(
    valid: npt.NDArray[np.bool_], first_target: int, num_targets: int
) -> npt.NDArray[np.int64]:
    """Frames that may be the reference of a sample: valid, and farther than 5 frames from every target.

    Args:
        valid: bool (T,).
        first_target: frame number of the first target.
        num_targets: consecutive targets.

    Returns:
        int64 (K,), ascending frame numbers; empty where there is none.
    """
    frames = np.flatnonzero(valid)
    before = frames < first_target - MIN_REFERENCE_DISTANCE_FRAMES
    after = frames > first_target + num_targets - 1 + MIN_REFERENCE_DISTANCE_FRAMES
    return frames[before | after]


def near_in_pose(
    landmarks: npt.NDArray[np.float32], candidates: npt.NDArray[np.int64], frame: int
) -> npt.NDArray[np.int64]:
    """The fifth of the candidates whose head pose is nearest to that of a frame, by `POSE_POINTS`.

    Args:
        landmarks: float32 (T, 68, 2), crop pixels, (x, y).
        candidates: int64 (K,), frame numbers.
        frame: number of the frame they are compared with.

    Returns:
        int64 (ceil(K / 5),), nearest first.
    """
    still = landmarks[:, POSE_POINTS]
    distances = np.linalg.norm(still[candidates] - still[frame], axis=-1).mean(axis=-1)
    nearest: npt.NDArray[np.int64] = candidates[np.argsort(distances, kind="stable")]
    return nearest[: -(-len(candidates) // 5)]


def longest_valid_run(valid: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and length, in frames, of the longest run of valid frames.

    Args:
        valid: bool (T,).

    Returns:
        The first of the longest runs; (0, 0) if no frame is valid.
    """
    edges = np.diff(np.concatenate([[0], valid.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) == 0:
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest] - starts[longest])


def run_of_clip(
    source: ClipStream, clip: ShardClip, *, max_frames: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]] | None:
    """Frames and mel of a clip's longest valid run.

    Args:
        source: decodes the frames.
        clip: of which the run is taken.
        max_frames: a longer run is cut to this.

    Returns:
        uint8 (L, S, S, 3) RGB, S as the source gives them, and float32 (80, 4L) log10 magnitudes; None if L is below the 5 frames of a sync window.
    """
    start, length = longest_valid_run(clip.valid)
    length = min(length, max_frames)
    if length <= 2 * CONTEXT_FRAMES:
        return None
    return source.frames(clip, range(start, start + length)), mel_of(clip, start, length)


def validation_source(
    shard_sets: Sequence[ShardSet], *, clip_cache_bytes: int, at_encoder_size: bool = False
) -> ClipStream:
    """The split `val` of the first set, the dataset's own, in an order that does not depend on settings."""
    return ClipStream(
        shard_sets[:1],
        "val",
        seed=0,
        clip_cache_bytes=clip_cache_bytes,
        at_encoder_size=at_encoder_size,
    )


def as_batch(array: npt.NDArray[np.generic], device: torch.device) -> Tensor:
    """An array (...) as a batch of one (1, ...) on a device, its dtype kept."""
    return torch.from_numpy(np.ascontiguousarray(array))[None].to(device)
