"""Every loss against numbers computed without torch."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch

from cals_models import losses
from cals_models.losses import (
    adversarial_loss,
    audio_to_lip_loss,
    discriminator_loss,
    info_nce,
    memory_align_loss,
    memory_store_loss,
    sequence_contrast,
    wav2lip_sync_loss,
)


def unit_rows(*shape: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=shape)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def cross_entropy(logits: np.ndarray, target: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-log_probabilities[np.arange(len(target)), target].mean())


def test_examples() -> None:
    assert doctest.testmod(losses).failed == 0


def test_info_nce_is_cross_entropy_over_all_audio() -> None:
    lips, audio = unit_rows(3, 8), unit_rows(5, 8, seed=1)
    expected = cross_entropy(lips @ audio.T / 0.2, np.array([2, 3, 4]))
    assert info_nce(torch.tensor(lips), torch.tensor(audio), 0.2, first_row=2).item() == pytest.approx(
        expected
    )


def test_info_nce_at_chance_is_log_of_the_candidates() -> None:
    same = torch.ones(16, 4) / 2
    assert info_nce(same, same, 0.07).item() == pytest.approx(np.log(16))


def test_audio_to_lip_loss_counts_the_given_timesteps_only() -> None:
    rng = np.random.default_rng(0)
    units, targets = rng.normal(size=(2, 6, 4)), rng.normal(size=(2, 6, 4))
    counted = rng.random((2, 6)) < 0.5
    expected = np.sum((units - targets) ** 2, axis=-1)[counted].mean()
    loss = audio_to_lip_loss(torch.tensor(units), torch.tensor(targets), torch.tensor(counted))
    assert loss.item() == pytest.approx(expected)


def test_d_vv_is_the_papers_formula() -> None:
    """Generated frames are rows 3..7 of one sequence and 1..5 of the other; each stands against all counted frames."""
    made, true = unit_rows(2, 5, 8), unit_rows(2, 9, 8, seed=1)
    first, counted = [3, 1], np.ones((2, 9), bool)
    counted[1, 7:] = False
    total = 0.0
    for clip in range(2):
        for i in range(5):
            similarity = [np.exp(made[clip, i] @ true[clip, j]) for j in range(9) if counted[clip, j]]
            total -= np.log(similarity[first[clip] + i] / sum(similarity)) / 5
    loss = sequence_contrast(
        torch.tensor(made) * 3,
        torch.tensor(true),
        1.0,
        first=torch.tensor(first),
        counted=torch.tensor(counted),
    )
    assert loss.item() == pytest.approx(total / 2, rel=1e-5)


def test_sequence_contrast_divides_by_its_temperature() -> None:
    made, true = unit_rows(1, 5, 8), unit_rows(1, 5, 8, seed=1)
    expected = cross_entropy(made[0] @ true[0].T / 0.1, np.arange(5))
    loss = sequence_contrast(torch.tensor(made), torch.tensor(true), 0.1, **whole(5))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def whole(num_keys: int) -> dict[str, torch.Tensor]:
    """A batch of one whose queries begin with the first of all keys."""
    return {"first": torch.zeros(1, dtype=torch.int64), "counted": torch.ones(1, num_keys).bool()}


def test_wav2lip_sync_loss_is_cross_entropy_of_the_cosine() -> None:
    lips, audio = np.abs(unit_rows(2, 3, 8)), np.abs(unit_rows(2, 3, 8, seed=1))
    cosine = (lips * audio).sum(-1) / np.linalg.norm(lips, axis=-1) / np.linalg.norm(audio, axis=-1)
    loss = wav2lip_sync_loss(torch.tensor(lips) * 2, torch.tensor(audio))
    assert loss.item() == pytest.approx(-np.log(cosine.mean()), rel=1e-5)


def test_wav2lip_sync_loss_reaches_windows_that_are_out_of_sync() -> None:
    """One cosine of -0.5 beside one of 0.9: both have the gradient -1 / (2 * mean)."""
    lips = torch.tensor([[-0.5, 0.75**0.5], [0.9, 0.19**0.5]], requires_grad=True)
    audio = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    loss = wav2lip_sync_loss(lips, audio)
    assert loss.item() == pytest.approx(-np.log(0.2), rel=1e-5)
    loss.backward()
    assert lips.grad is not None and (lips.grad.norm(dim=1) > 0.1).all()


def test_gan_losses_are_binary_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=9), rng.normal(size=9)
    p_real, p_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    judged = discriminator_loss(torch.tensor(real), torch.tensor(fake)).item()
    assert judged == pytest.approx(-(np.log(p_real).mean() + np.log(1 - p_fake).mean()) / 2, rel=1e-5)
    assert adversarial_loss(torch.tensor(fake)).item() == pytest.approx(-np.log(p_fake).mean(), rel=1e-5)


def test_gan_losses_stay_finite_for_certain_logits() -> None:
    certain = torch.tensor([-200.0, 200.0], requires_grad=True)
    (adversarial_loss(certain) + discriminator_loss(certain, certain)).backward()
    assert certain.grad is not None and torch.isfinite(certain.grad).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: info_nce(torch.ones(3, 4), torch.ones(2, 4), 1.0), "M >= N"),
        (lambda: sequence_contrast(torch.ones(1, 1, 4), torch.ones(1, 1, 4), 1.0, **whole(1)), "at least 2"),
        (lambda: sequence_contrast(torch.ones(1, 5, 4), torch.ones(5, 4), 1.0, **whole(5)), r"\(B, K, D\)"),
        (lambda: wav2lip_sync_loss(torch.ones(2, 4), torch.ones(3, 4)), "must be the same"),
        (
            lambda: audio_to_lip_loss(torch.ones(1, 3, 4), torch.ones(1, 3, 4), torch.zeros(1, 3).bool()),
            "no step has a target",
        ),
        (
            lambda: audio_to_lip_loss(torch.ones(1, 3, 4), torch.ones(1, 2, 4), torch.ones(1, 3).bool()),
            "expected",
        ),
    ],
)
def test_wrong_shapes_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_memory_align_loss_is_the_divergence_of_the_audios_address_from_the_mouths() -> None:
    rng = np.random.default_rng(0)
    lip, audio = (np.exp(x) / np.exp(x).sum(-1, keepdims=True) for x in rng.normal(size=(2, 3, 5, 7)))
    expected = (lip * np.log(lip / audio)).sum(-1).mean()
    lips = torch.tensor(lip).log().requires_grad_()
    addressed = torch.tensor(audio).log().requires_grad_()
    loss = memory_align_loss(lips, addressed)
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    assert memory_align_loss(lips, lips).item() == pytest.approx(0, abs=1e-12)
    loss.backward()
    assert lips.grad is None and addressed.grad is not None  # the mouth's address is the target
    with pytest.raises(ValueError, match="must be the same"):
        memory_align_loss(lips, addressed[:, :3])


def test_memory_store_loss_is_the_mean_squared_distance() -> None:
    rng = np.random.default_rng(1)
    lips, read = rng.normal(size=(2, 4, 6))
    found = memory_store_loss(torch.tensor(lips), torch.tensor(read)).item()
    assert found == pytest.approx(float(((lips - read) ** 2).mean()), rel=1e-6)
    with pytest.raises(ValueError, match="must be the same"):
        memory_store_loss(torch.tensor(lips), torch.tensor(read)[:, :3])
