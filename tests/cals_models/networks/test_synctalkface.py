"""The audio-lip memory: addresses and what they read, and what a unit depends on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cals_models.config.synctalkface import PROFILES, SyncTalkFaceConfig
from cals_models.networks.synctalkface import AudioLipMemory, SyncTalkFace

SMALL = SyncTalkFaceConfig(widths=(8,) * 6, blocks_per_level=1, audio_width=8, memory_slots=12)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def known_memory(sharpness: float) -> AudioLipMemory:
    """Three slots: audio along axes 0, 1, 2 recalls mouths of 10, 20, 30 along axes 5, 6, 7."""
    memory = AudioLipMemory(3, sharpness)
    with torch.no_grad():
        memory.audio.copy_(torch.eye(512)[:3] * torch.tensor([[1.0], [7.0], [0.1]]))
        memory.lip.copy_(torch.eye(512)[5:8] * torch.tensor([[10.0], [20.0], [30.0]]))
    return memory


def test_an_address_is_the_softmax_of_cosines_and_reads_their_blend() -> None:
    memory = known_memory(2.0)
    audio = torch.zeros(512)
    audio[0], audio[1] = 3.0, 4.0  # cosines 0.6, 0.8, 0 whatever the slots' lengths
    log_address = memory.log_address(audio, "audio")
    expected = torch.softmax(torch.tensor([1.2, 1.6, 0.0]), 0)
    assert torch.allclose(log_address.exp(), expected, atol=1e-6)
    read = memory.read(log_address)
    assert torch.allclose(read[5:8], expected * torch.tensor([10.0, 20.0, 30.0]), atol=1e-4)
    assert read[:5].abs().max() == 0 and read[8:].abs().max() == 0


def test_a_sharp_address_reads_the_one_slot() -> None:
    memory = known_memory(200.0)
    read = memory.read(memory.log_address(torch.eye(512)[2], "audio"))
    assert torch.allclose(read, 30 * torch.eye(512)[7], atol=1e-4)
    by_mouth = memory.log_address(5 * torch.eye(512)[6], "lip")
    assert torch.allclose(by_mouth.exp(), torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)


def test_addresses_keep_full_precision_under_autocast() -> None:
    memory, features = AudioLipMemory(96, 16.0), torch.randn(4, 512)
    with torch.autocast("cpu", torch.bfloat16):
        address = memory.log_address(features, "lip")
        read = memory.read(address)
    assert torch.equal(address, memory.log_address(features, "lip"))
    assert torch.equal(read, memory.read(address)) and read.dtype == torch.float32


def test_units_are_those_of_recalled_mouth_and_audio_and_of_no_mouth_of_the_clip() -> None:
    model = SyncTalkFace(SMALL).eval()
    mel = torch.randn(2, 80, 80)
    units = model.units(mel)
    assert units.shape == (2, 20, 512) and units.dtype == torch.float32
    audio = model.audio_at(mel, torch.tensor([3, 9]), 5)
    assert torch.allclose(audio[1], model.audio(mel)[1, 9:14], atol=1e-5)
    joined = model.joined(model.recalled(audio), audio)
    assert torch.allclose(joined, torch.stack([units[0, 3:8], units[1, 9:14]]), atol=1e-5)
    assert not torch.allclose(joined, model.joined(torch.randn_like(audio), audio), atol=1e-2)


def test_masked_audio_is_silence() -> None:
    model = SyncTalkFace(SMALL).eval()
    mel, mask = torch.randn(1, 80, 40), torch.zeros(1, 10, dtype=torch.bool)
    mask[:, 4:6] = True
    silent = mel.clone()
    silent[:, :, 16:24] = -5.0
    assert torch.equal(model.units(mel, mask=mask), model.units(silent))
    assert not torch.allclose(model.units(mel, mask=mask), model.units(mel))


def test_every_weight_gets_a_finite_gradient() -> None:
    model = SyncTalkFace(SMALL)
    units = model.units(torch.randn(1, 80, 20))[0]
    address = model.memory.log_address(torch.randn(5, 512), "lip")
    frames = model.generate(torch.rand(5, 3, 128, 128), torch.rand(5, 3, 128, 128), units)
    assert frames.shape == (5, 3, 128, 128) and frames.min() >= 0 and frames.max() <= 1
    (frames.sum() + address[:, 0].sum()).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("features", [torch.zeros(3, 256), torch.zeros(2, 4, 513)])
def test_features_of_another_width_are_named(features: Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected \(\.\.\., 512\)"):
        AudioLipMemory(8, 16.0).log_address(features, "audio")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory_slots": 1}, "memory_slots"),
        ({"address_sharpness": 0.0}, "address_sharpness"),
        ({"store_weight": -0.1}, "store_weight"),
        ({"max_unused_slots_share": 1.5}, "max_unused_slots_share"),
        ({"context_frames": 8}, "target_frames"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SyncTalkFaceConfig(**change)  # type: ignore[arg-type]


def test_the_defaults_are_the_originals() -> None:
    config = SyncTalkFaceConfig(**PROFILES["paper"])  # type: ignore[arg-type]
    weights = (config.l1_weight, config.gan_weight, config.store_weight, config.align_weight)
    assert (
        weights == (10.0, 0.2, 0.2, 0.2) and config.audio_visual_weight == config.visual_visual_weight == 0.2
    )
    assert (config.memory_slots, config.batch_samples, config.adam_beta_1, config.adam_beta_2) == (96, 40, 0.5, 0.999)  # fmt: skip
    assert (config.learning_rate, config.discriminator_learning_rate, config.target_frames) == (1e-4, 5e-4, 5)


def test_crops_of_256_px_are_drawn_at_their_size() -> None:
    model = SyncTalkFace(SMALL, 256).eval()
    frames = model.generate(*[torch.rand(1, 3, 256, 256)] * 2, model.units(torch.randn(1, 80, 20))[0, :1])
    assert frames.shape == (1, 3, 256, 256)
