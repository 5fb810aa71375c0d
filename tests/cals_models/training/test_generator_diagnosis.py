"""Troubles of a generator's training, from the metrics that show them."""

from __future__ import annotations

import pytest

from cals_models.config.generator import GeneratorConfig
from cals_models.training.generator_diagnosis import plateau_diagnoses, train_diagnoses, val_diagnoses


@pytest.mark.parametrize(
    ("nearness", "names"),
    [
        ({1500: 0.700, 2000: 0.719}, []),
        ({1500: 0.700, 2000: 0.721}, ["not_at_plateau"]),
        ({1400: 0.500, 1600: 0.719, 1800: 0.719, 2000: 0.719}, ["not_at_plateau"]),  # 500 steps back is 1400
        ({200: 0.600, 320: 0.700, 480: 0.705}, []),  # 160 steps: 0.016 in 500
        ({200: 0.600, 320: 0.700, 480: 0.707}, ["not_at_plateau"]),
        ({480: 0.7}, ["not_at_plateau"]),  # one validation shows no end
        ({1: 0.7}, ["not_at_plateau"]),
        ({1000: 0.7, 2000: 0.6}, []),
        ({1000: 0.24, 2000: 0.24}, ["not_at_plateau"]),  # the learning had hardly begun
        ({}, []),
    ],
)
def test_a_plateau_is_a_gain_below_0_02_in_500_steps(nearness: dict[int, float], names: list[str]) -> None:
    assert [found.name for found in plateau_diagnoses(GeneratorConfig(), nearness)] == names


def test_a_generator_that_ignores_its_audio_is_named_from_half_of_the_training_on() -> None:
    config = GeneratorConfig(steps=100)
    val = {"reference_nearness": 0.5, "audio_gain": 0.05}

    def names(step: int, **changed: float) -> list[str]:
        diagnoses = val_diagnoses(config, val | changed, step, sync_is_on=True, is_last=False)
        return [found.name for found in diagnoses]

    assert names(49) == []
    assert names(50) == ["ignores_audio"]
    assert names(50, audio_gain=0.11) == []
    assert names(50, audio_gain=0.11, reference_nearness=0.2) == ["copies_reference"]
    assert val_diagnoses(config, {}, 100, sync_is_on=False, is_last=True) == []


def test_a_dead_discriminator_is_named() -> None:
    config = GeneratorConfig(steps=100)
    assert train_diagnoses(config, {"discriminator_loss": 0.001}, 40) == []
    assert train_diagnoses(config, {"discriminator_loss": 0.5}, 60) == []
    assert train_diagnoses(config, {}, 60) == []
    assert [found.name for found in train_diagnoses(config, {"discriminator_loss": 0.001}, 60)] == [
        "dead_discriminator"
    ]
