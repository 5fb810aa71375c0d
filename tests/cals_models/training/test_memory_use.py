"""Use of an audio-lip memory, and its troubles by the metrics that show them."""

from __future__ import annotations

import math

import pytest
import torch

from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.networks.synctalkface import AudioLipMemory
from cals_models.training.memory_use import memory_diagnoses, memory_use


def test_use_of_a_memory_whose_audio_recalls_each_mouth() -> None:
    memory = AudioLipMemory(4, 500.0)
    with torch.no_grad():
        memory.lip.copy_(torch.eye(512)[:4])
        memory.audio.copy_(torch.eye(512)[4:8])
    which = torch.tensor([0, 0, 1, 2])
    lips, audio = torch.eye(512)[which], torch.eye(512)[4 + which]
    use = memory_use(memory, lips, audio)
    assert use.unused_slots == 1 and use.lip_address_entropy == pytest.approx(0, abs=1e-4)
    assert use.align == pytest.approx(0, abs=1e-4) and use.recalled_share == pytest.approx(1, abs=1e-4)
    entropy_of_slots = -sum(p * math.log(p) for p in (0.5, 0.25, 0.25))
    assert use.align_chance == pytest.approx(entropy_of_slots, abs=1e-3)
    deaf = memory_use(memory, lips, audio.roll(2, 0))
    assert deaf.align > 100 and deaf.recalled_share < 0 and deaf.stored_share == pytest.approx(1, abs=1e-4)
    blurred = memory_use(AudioLipMemory(4, 1e-6), lips, audio)
    assert blurred.lip_address_entropy == pytest.approx(math.log(4), abs=1e-4)
    assert blurred.audio_address_entropy == pytest.approx(math.log(4), abs=1e-4)


def test_troubles_of_a_memory_are_named() -> None:
    config = SyncTalkFaceConfig(steps=100, memory_slots=96)
    good = {"lip_address_entropy": 1.8, "unused_slots": 3.0, "align": 0.8, "align_chance": 2.5}

    def names(step: int = 60, **changed: float) -> list[str]:
        return [found.name for found in memory_diagnoses(config, {**good, **changed}, step)]

    assert names() == []
    assert names(lip_address_entropy=0.91 * math.log(96)) == ["memory_addresses_blurred"]
    assert names(unused_slots=49.0) == ["memory_slots_unused"] and names(unused_slots=48.0) == []
    assert names(align=2.3) == ["audio_misses_memory"] and names(align=2.2) == []
    nan = float("nan")
    assert len(names(align=nan, unused_slots=nan, lip_address_entropy=nan)) == 3
    assert names(step=49, align=9.0) == [] and memory_diagnoses(config, {}, 60) == []
