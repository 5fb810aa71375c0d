"""Losses of `pc_avs` against values computed by hand, and what they reject."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from cals_models.training.pc_avs_losses import (
    feature_matching,
    known_cross_entropy,
    modal_contrast,
    pyramid_l1,
    word_information,
)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_pyramid_l1_is_the_mean_over_four_sizes() -> None:
    preds, target = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    sizes = [
        F.l1_loss(*(f.unflatten(3, (-1, n)).unflatten(2, (-1, n)).mean((3, 5)) for f in (preds, target)))
        for n in (1, 2, 4, 8)
    ]
    assert pyramid_l1(preds, target).item() == pytest.approx(sum(sizes).item() / 4, abs=1e-6)


def test_the_lower_half_counts_as_much_more_as_asked() -> None:
    target = torch.zeros(1, 3, 16, 16)
    lower = target.clone()
    lower[:, :, 8:] = 1
    assert pyramid_l1(lower, target, lower_half_weight=3.0).item() == pytest.approx(0.75)
    assert pyramid_l1(1 - lower, target, lower_half_weight=3.0).item() == pytest.approx(0.25)


def test_feature_matching_has_no_gradient_to_the_real_features() -> None:
    fake = [torch.rand(2, 4, 3, 3, requires_grad=True), torch.rand(2, 8, requires_grad=True)]
    real = [torch.rand(2, 4, 3, 3, requires_grad=True), torch.rand(2, 8, requires_grad=True)]
    loss = feature_matching(fake, real)
    expected = [(a - b).abs().mean().item() for a, b in zip(fake, real, strict=True)]
    assert loss.item() == pytest.approx(sum(expected) / 2, abs=1e-6)
    loss.backward()
    assert all(a.grad is not None for a in fake) and all(b.grad is None for b in real)


def test_modal_contrast_is_the_mean_of_both_softmaxes_over_cosines() -> None:
    mouth, audio = torch.randn(5, 7), torch.randn(5, 7)
    cosines = [[torch.dot(m, a).item() / (m.norm() * a.norm()).item() / 0.2 for a in audio] for m in mouth]
    rows = [math.log(sum(math.exp(c) for c in cosines[i])) - cosines[i][i] for i in range(5)]
    columns = [math.log(sum(math.exp(row[i]) for row in cosines)) - cosines[i][i] for i in range(5)]
    expected = (sum(rows) + sum(columns)) / 10
    assert modal_contrast(mouth, audio, 0.2).item() == pytest.approx(expected, abs=1e-5)


def test_word_information_is_the_divergence_of_the_counted_answers() -> None:
    logits = torch.randn(6, 4)
    labels = torch.tensor([3, -1, 0, 1, -1, 2])
    p = logits[labels >= 0].softmax(1)
    expected = sum((row * (row / p.mean(0)).log()).sum().item() for row in p) / 4
    assert word_information(logits, labels).item() == pytest.approx(expected, abs=1e-6)
    assert word_information(logits[:1].expand(6, 4), labels).item() == pytest.approx(0, abs=1e-6)
    assert word_information(logits, torch.tensor([1, -1, -1, -1, -1, -1])).item() == 0


def test_cross_entropy_counts_known_labels_alone() -> None:
    logits = torch.randn(3, 4)
    labels = torch.tensor([2, -1, 0])
    expected = F.cross_entropy(logits[[0, 2]], labels[[0, 2]]).item()
    assert known_cross_entropy(logits, labels).item() == pytest.approx(expected, abs=1e-6)
    assert known_cross_entropy(logits, torch.full((3,), -1)).item() == 0
    assert known_cross_entropy(logits * float("nan"), torch.full((3,), -1)).isnan()


@pytest.mark.parametrize("loss", ["pyramid", "features", "layers", "contrast", "words"])
def test_shapes_that_do_not_agree_are_named(loss: str) -> None:
    with pytest.raises(ValueError, match=r"must be the same|expected"):
        if loss == "pyramid":
            pyramid_l1(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 16, 16))
        elif loss == "features":
            feature_matching([torch.rand(1, 2)], [torch.rand(1, 3)])
        elif loss == "layers":
            feature_matching([torch.rand(1, 2)], [])
        elif loss == "contrast":
            modal_contrast(torch.rand(2, 3), torch.rand(3, 3), 0.1)
        else:
            word_information(torch.rand(2, 3), torch.zeros(3, dtype=torch.int64))
