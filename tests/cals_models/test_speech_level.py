"""Speech level: a gain adds to it, pauses change nothing, silence stays silence."""

from __future__ import annotations

import pytest
import torch

from cals_models.mel_windows import SILENCE
from cals_models.speech_level import at_level, at_level_throughout, speech_level

SPEECH = torch.rand(80, 400, generator=torch.Generator().manual_seed(0)) - 2.5
PAUSE = torch.full((80, 400), SILENCE)


def test_a_gain_adds_to_the_level() -> None:
    assert speech_level(SPEECH + 1) == pytest.approx(speech_level(SPEECH) + 1, abs=1e-5)


@pytest.mark.parametrize("num_pauses", [1, 9, 30])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_pauses_change_nothing(num_pauses: int, noise: float) -> None:
    with_pauses = torch.cat([SPEECH, *[PAUSE + noise] * num_pauses], dim=1)
    assert speech_level(with_pauses) == pytest.approx(speech_level(SPEECH), abs=1e-5)


@pytest.mark.parametrize("level", [-2.5, -1.2])
def test_speech_is_moved_and_the_floor_stays(level: float) -> None:
    moved = at_level(torch.cat([SPEECH, PAUSE], dim=1), level)
    assert speech_level(moved) == pytest.approx(level, abs=1e-4)
    assert torch.equal(moved[:, 400:], PAUSE)


def test_no_more_than_20_db_and_nothing_without_speech() -> None:
    assert speech_level(at_level(SPEECH, 3.0)) == pytest.approx(speech_level(SPEECH) + 1, abs=1e-4)
    assert torch.equal(at_level(PAUSE, -2.0), PAUSE) and torch.equal(at_level(PAUSE + 0.3, -2.0), PAUSE + 0.3)


@pytest.mark.parametrize("length", [200, 400])
@pytest.mark.parametrize("before", [-0.8, 0.8])
def test_soft_speech_after_loud_is_as_if_it_were_alone(before: float, length: int) -> None:
    passage = SPEECH[:, :length]
    alone = at_level_throughout(passage, -2.0)
    after = at_level_throughout(torch.cat([SPEECH + before, passage, PAUSE], dim=1), -2.0)
    assert speech_level(alone) == pytest.approx(-2.0, abs=0.02)
    assert (after[:, 400 : 400 + length] - alone).abs().median() < 0.02
    assert ((after[:, 400 : 400 + length] - alone).abs() < 0.02).float().mean() > 0.9
    assert speech_level(after[:, :360]) == pytest.approx(-2.0, abs=0.02)
    assert torch.equal(after[:, 400 + length :], PAUSE)


def test_without_speech_a_mel_stays_and_short_speech_has_one_level() -> None:
    assert torch.equal(at_level_throughout(PAUSE + 0.3, -2.0), PAUSE + 0.3)
    assert torch.equal(at_level_throughout(SPEECH[:, :40], -2.0), at_level(SPEECH[:, :40], -2.0))
