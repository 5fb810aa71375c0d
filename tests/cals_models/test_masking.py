"""Masks: share, span lengths, padding, and what is rejected."""

from __future__ import annotations

import pytest
import torch

from cals_models.masking import span_mask


def masks(length: int, share: float, span: int, count: int = 300) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return span_mask(
        torch.full((count,), length), length, mask_share=share, span_frames=span, generator=generator
    )


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize("length", [29, 75, 250])
def test_share_is_met_on_average(length: int, share: float) -> None:
    assert masks(length, share, 10).float().mean().item() == pytest.approx(share, abs=0.07)


def test_every_frame_is_masked_equally_often() -> None:
    by_frame = masks(60, 0.5, 10, count=3_000).float().mean(0)
    assert by_frame.max() - by_frame.min() < 0.12


def test_padding_is_never_masked_and_something_always_is() -> None:
    mask = span_mask(torch.tensor([12, 40]), 40, mask_share=0.8, span_frames=10)
    assert not mask[0, 12:].any()
    assert mask[0, :12].any() and not mask[0, :12].all()


def test_masked_spans_have_the_length() -> None:
    row = masks(2_000, 0.05, 10, count=1)[0].int()
    edges = torch.diff(
        row, prepend=torch.zeros(1, dtype=torch.int32), append=torch.zeros(1, dtype=torch.int32)
    )
    lengths = (edges == -1).nonzero() - (edges == 1).nonzero()
    assert lengths[1:-1].min() >= 10


def test_stretches_that_do_not_fit_are_rejected() -> None:
    with pytest.raises(ValueError, match="2 to 10 frames"):
        span_mask(torch.tensor([11]), 10, mask_share=0.5, span_frames=2)
