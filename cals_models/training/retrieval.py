"""Retrieval of audio by lips: single windows among 31 candidates, and the offset of whole clips.

Legend: S windows of a clip, D = 512.
"""

import torch
from torch import Tensor

MAX_OFFSET_FRAMES = 15
"""Candidates are up to this many frames before and after: 31 in all, as in SyncNet's evaluation."""
MIN_OVERLAP_WINDOWS = 8
"""An offset of a clip is considered if at least this many windows overlap under it."""


def candidate_ranks(similarity: Tensor) -> tuple[Tensor, Tensor]:
    """For each window the distance in time of its best candidate, and its number of candidates.

    Args:
        similarity: float (S, S), lips by audio; higher is more alike.

    Returns:
        Two int64 (K,): absolute distances in frames, and numbers of candidates. They cover the windows that have all 31
        candidates; if the clip is too short for any, all of its windows, with those within 15 frames.
    """
    num_windows = len(similarity)
    times = torch.arange(num_windows)
    distance = (times[:, None] - times).abs()
    masked = similarity.masked_fill(distance > MAX_OFFSET_FRAMES, float("-inf"))
    best = (masked.argmax(1) - times).abs()
    num_candidates = (distance <= MAX_OFFSET_FRAMES).sum(1)
    has_all = num_candidates == 2 * MAX_OFFSET_FRAMES + 1
    chosen = has_all if has_all.any() else torch.ones_like(has_all)
    return best[chosen], num_candidates[chosen]


def clip_offset(similarity: Tensor) -> int | None:
    """The offset at which a clip's lips and audio agree best.

    Args:
        similarity: float (S, S), lips by audio; higher is more alike.

    Returns:
        d in -15..15, in frames, with the highest mean similarity of lips t and audio t + d; 0 for a clip in sync. None for a
        clip so short that no other offset than 0 leaves enough windows.
    """
    limit = min(MAX_OFFSET_FRAMES, len(similarity) - MIN_OVERLAP_WINDOWS)
    if limit < 1:
        return None
    means = {d: similarity.diagonal(d).mean().item() for d in range(-limit, limit + 1)}
    return max(means, key=lambda d: means[d])


class RetrievalTally:
    """Retrieval over several clips: shares of their windows, and of the clips."""

    def __init__(self) -> None:
        self._distances: list[Tensor] = []
        self._num_candidates: list[Tensor] = []
        self._offsets: list[int] = []

    def add(self, lips: Tensor, audio: Tensor) -> None:
        """Adds a clip.

        Args:
            lips: (S, D), unit length.
            audio: (S, D), unit length, of the same windows.
        """
        similarity = lips.float() @ audio.float().T
        distances, num_candidates = candidate_ranks(similarity)
        self._distances.append(distances)
        self._num_candidates.append(num_candidates)
        offset = clip_offset(similarity)
        if offset is not None:
            self._offsets.append(offset)

    def shares(self) -> dict[str, float]:
        """Name -> share in [0, 1]; higher is better."""
        distances = torch.cat(self._distances)
        shares = {
            "retrieval_at_1": (distances == 0).float().mean().item(),
            "retrieval_within_1_frame": (distances <= 1).float().mean().item(),
        }
        if self._offsets:
            offsets = torch.tensor(self._offsets).abs()
            shares["clip_offset_exact"] = (offsets == 0).float().mean().item()
            shares["clip_offset_within_1_frame"] = (offsets <= 1).float().mean().item()
        return shares

    def chance(self) -> dict[str, float]:
        """The same shares if every candidate were equally likely."""
        num_candidates = torch.cat(self._num_candidates).float()
        single = (1 / num_candidates).mean().item()
        num_offsets = 2 * MAX_OFFSET_FRAMES + 1
        chance = {
            "retrieval_at_1": single,
            "retrieval_within_1_frame": min(1.0, (3 / num_candidates).mean().item()),
        }
        if self._offsets:
            chance["clip_offset_exact"] = 1 / num_offsets
            chance["clip_offset_within_1_frame"] = 3 / num_offsets
        return chance
