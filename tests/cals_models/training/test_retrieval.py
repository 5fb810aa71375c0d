"""Retrieval and offsets of embeddings whose values are known."""

from __future__ import annotations

import pytest
import torch

from cals_models.training.retrieval import RetrievalTally, candidate_ranks, clip_offset


def embeddings(num_windows: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(num_windows, 64, generator=generator), dim=-1)


@pytest.mark.parametrize("offset", [-4, 0, 3])
def test_the_offset_of_a_shifted_clip_is_found(offset: int) -> None:
    audio = embeddings(60)
    lips = audio.roll(-offset, dims=0)
    assert clip_offset(lips @ audio.T) == offset


def test_a_clip_too_short_for_another_offset_has_none() -> None:
    assert clip_offset(torch.eye(8)) is None


def test_windows_with_all_candidates_count() -> None:
    distances, num_candidates = candidate_ranks(torch.eye(40))
    assert len(distances) == 10 and set(num_candidates.tolist()) == {31} and not distances.any()
    distances, num_candidates = candidate_ranks(torch.eye(25))
    assert len(distances) == 25 and num_candidates.max() == 25


def test_uninformative_embeddings_score_near_chance() -> None:
    tally = RetrievalTally()
    for seed in range(20):
        tally.add(embeddings(200, seed), embeddings(200, seed + 1_000))
    shares, chance = tally.shares(), tally.chance()
    assert chance["retrieval_at_1"] == pytest.approx(1 / 31)
    assert shares["retrieval_at_1"] == pytest.approx(chance["retrieval_at_1"], abs=0.012)
    assert shares["retrieval_within_1_frame"] == pytest.approx(chance["retrieval_within_1_frame"], abs=0.02)


def test_one_frame_late_is_within_one_frame() -> None:
    tally = RetrievalTally()
    audio = embeddings(60)
    tally.add(audio.roll(-1, dims=0), audio)
    shares = tally.shares()
    assert shares["retrieval_at_1"] == 0 and shares["retrieval_within_1_frame"] > 0.9
    assert shares["clip_offset_exact"] == 0 and shares["clip_offset_within_1_frame"] == 1
