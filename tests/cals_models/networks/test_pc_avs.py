"""Networks of `pc_avs`: shapes at both sizes, modulation against a hand-written convolution, rejected shapes, gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.networks.crop_discriminator import CropDiscriminator
from cals_models.networks.modulated_conv import ModulatedConv
from cals_models.networks.pc_avs import POSE_DIM, Codes, PcAvs

SYNC = SyncEncoderConfig(visual_width=8, visual_front_stride=4, audio_width=8, blocks_per_level=1)
CONFIG = PcAvsConfig(
    encoder_width=8, encoder_blocks=1, widths=(8,) * 6, blocks_per_level=1, discriminator_width=8
)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_modulated_conv_is_a_convolution_with_each_samples_own_weights() -> None:
    conv = ModulatedConv(5, 4, 7)
    nn.init.normal_(conv.to_scales.weight)
    nn.init.normal_(conv.bias)
    x, style = torch.randn(3, 5, 6, 8), torch.randn(3, 7)
    scales = conv.to_scales(style)
    for sample in range(3):
        weight = torch.empty(4, 5, 3, 3)
        for o in range(4):
            for i in range(5):
                weight[o, i] = scales[sample, i] * conv.weight[o, i]
            weight[o] /= weight[o].square().sum().sqrt()
        expected = F.conv2d(x[sample : sample + 1], weight, conv.bias, padding=1)
        assert torch.allclose(conv(x, style)[sample : sample + 1], expected, atol=1e-5)


def test_demodulated_maps_have_the_variance_of_their_input_whatever_the_style() -> None:
    conv = ModulatedConv(64, 64, 7)
    nn.init.normal_(conv.to_scales.weight, std=30)
    out = conv(torch.randn(4, 64, 16, 16), torch.randn(4, 7))
    assert out.std().item() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("crop_px", [128, 256])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"finest_maps": "half"},
        {"output_from": "identity"},
        {"output_from": "identity", "finest_maps": "half", "blocks_per_level": 2},
    ],
)
def test_frames_have_the_crops_size_and_every_part_learns(crop_px: int, change: dict[str, object]) -> None:
    model = PcAvs(replace(CONFIG, **change), SYNC, crop_px=crop_px)  # type: ignore[arg-type]
    frames = torch.rand(2, 3, crop_px, crop_px)
    identity = model.identity_of(frames)
    mouth, pose = model.mouth_and_pose(frames.flip(3))
    audio = model.audio_of(torch.randn(2, 80, 20))
    assert identity.code.shape == mouth.shape == (2, 512) and pose.shape == (2, POSE_DIM)
    assert audio.shape == (2, 1, 512) and identity.features.shape == (2, 64, crop_px // 32, crop_px // 32)
    speech = torch.stack([mouth[0], audio[1, 0]])
    generated = model.generate(Codes(identity=identity, speech=speech, pose=pose))
    assert generated.shape == frames.shape and generated.dtype == torch.float32
    assert generated.min() >= 0 and generated.max() <= 1
    generated.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_a_model_that_moves_the_identity_frame_starts_from_it() -> None:
    model = PcAvs(replace(CONFIG, output_from="identity", finest_maps="half"), SYNC)
    frames = F.interpolate(torch.rand(2, 3, 8, 8), size=128, mode="bilinear")
    identity = model.identity_of(frames)
    codes = Codes(identity=identity, speech=identity.code, pose=identity.pose)
    assert (model.generate(codes) - frames).abs().mean() < 0.05


def test_codes_have_variance_1_and_say_what_their_source_says() -> None:
    model = PcAvs(CONFIG, SYNC)
    mouth, _ = model.mouth_and_pose(torch.rand(2, 3, 128, 128))
    for code in (mouth, model.audio_of(torch.randn(1, 80, 40))[0]):
        assert torch.allclose(code.std(1, unbiased=False), torch.ones(len(code)), atol=1e-2)


def test_a_pose_is_the_difference_from_the_identity_frames_where_its_pixels_are_moved() -> None:
    model = PcAvs(replace(CONFIG, output_from="identity"), SYNC)
    frames = torch.rand(2, 3, 128, 128)
    identity, (mouth, pose) = model.identity_of(frames), model.mouth_and_pose(frames)
    assert torch.equal(identity.pose, pose)
    assert Codes(identity=identity, speech=mouth, pose=pose).style[:, -POSE_DIM:].abs().max() == 0
    assert PcAvs(CONFIG, SYNC).identity_of(frames).pose.abs().max() == 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("identity", r"identity frames \(2, 3, 64, 64\): expected \(N, 3, 128, 128\)"),
        ("driving", "driving frames"),
        ("speech", r"speech code \(1, 512\): expected \(2, 512\)"),
        ("pose", r"pose code \(2, 6\): expected \(2, 12\)"),
        ("crop", "crop_px 100: must be a multiple of 32"),
        ("discriminator", "multiples of 16"),
    ],
)
def test_wrong_shapes_are_named(what: str, message: str) -> None:
    model = PcAvs(CONFIG, SYNC)
    small, frames = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 128, 128)
    codes = Codes(
        identity=model.identity_of(frames),
        speech=torch.zeros(1 if what == "speech" else 2, 512),
        pose=torch.zeros(2, 6 if what == "pose" else 12),
    )
    with pytest.raises(ValueError, match=message):
        if what == "identity":
            model.identity_of(small)
        elif what == "driving":
            model.mouth_and_pose(small)
        elif what == "crop":
            PcAvs(CONFIG, SYNC, crop_px=100)
        elif what == "discriminator":
            CropDiscriminator(8)(torch.rand(1, 3, 100, 100))
        else:
            model.generate(codes)


def test_discriminator_gives_logits_of_patches_and_four_features() -> None:
    discriminator = CropDiscriminator(8)
    logits, features = discriminator(torch.rand(2, 3, 128, 128))
    assert logits.shape == (2, 1, 8, 8) and [f.shape[1] for f in features] == [8, 16, 32, 32]
    assert [f.shape[2] for f in features] == [64, 32, 16, 8]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_samples": 1}, "batch_samples: 1 sample has nothing to be told apart from"),
        ({"context_frames": 10}, "target_frames"),
        ({"pose_from": "elsewhere"}, "pose_from"),
        ({"perspective_jitter": 0.3}, "perspective_jitter"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)  # type: ignore[arg-type]
