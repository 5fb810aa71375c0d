"""Networks: shapes at both sizes, rejected shapes, gradients, and what each part can and cannot see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.config.profiles import PROFILES
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.mel_windows import mel_windows, pad_windows
from cals_models.methods.configs import model_config
from cals_models.networks.audio_to_lip import AudioToLip, rotate
from cals_models.networks.discriminator import LowerFaceDiscriminator
from cals_models.networks.generator import LipToFace, hide_lower_half, move_pixels
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.sync_encoder import LipEncoder, SyncEncoder
from cals_models.networks.wav2lip_audio import Wav2LipAudio

SYNC = SyncEncoderConfig(visual_width=8, visual_front_stride=4, audio_width=8, blocks_per_level=1)
AUDIO_TO_LIP = AudioToLipConfig(width=32, num_layers=2, num_heads=2, dropout=0.0)
GENERATOR = GeneratorConfig(widths=(8,) * 6, blocks_per_level=1, audio_width=8, discriminator_width=8)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def has_finite_gradients(network: nn.Module) -> bool:
    return all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_sync_encoder_gives_unit_vectors_for_whole_windows() -> None:
    encoder = SyncEncoder(SYNC)
    lips, audio = encoder(torch.rand(2, 9, 3, 64, 128), torch.randn(2, 80, 36))
    assert lips.shape == audio.shape == (2, 5, 512)
    assert torch.allclose(lips.norm(dim=-1), torch.ones(2, 5), atol=1e-5)
    ((lips * audio).sum() / encoder.temperature).backward()
    assert has_finite_gradients(encoder)


@pytest.mark.parametrize("front_stride", [2, 4])
def test_lip_encoder_is_a_5x7x7_convolution_first(front_stride: int) -> None:
    encoder = LipEncoder(8, 1, front_stride)
    frames = torch.rand(1, 7, 3, 64, 128)
    seen: list[Tensor] = []
    encoder.levels.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(frames)
    kernel = encoder.front.weight.view(5, 8, 3, 7, 7).permute(1, 2, 0, 3, 4)
    bias = encoder.front.bias.view(5, 8).sum(0)
    stride = (1, front_stride, front_stride)
    expected = F.conv3d((frames * 2 - 1).transpose(1, 2), kernel, bias, stride, (0, 3, 3)).relu()
    assert torch.allclose(seen[0], expected[0].transpose(0, 1), atol=1e-5)


def test_a_lip_unit_depends_on_its_five_frames_alone() -> None:
    encoder = SyncEncoder(SYNC).visual.eval()
    frames = torch.rand(1, 11, 3, 64, 128)
    changed = frames.clone()
    changed[:, 5] = 0
    differs = (encoder(frames) - encoder(changed)).abs().amax(-1)[0] > 1e-6
    assert differs.tolist() == [False, True, True, True, True, True, False]


def test_an_audio_window_is_centred_on_its_frame() -> None:
    mel = torch.arange(4 * 9).float().expand(1, 80, -1)
    windows = mel_windows(mel)
    assert windows.shape == (1, 5, 80, 20)
    assert windows[0, 2, 0].tolist() == list(range(8, 28))
    padded = mel_windows(pad_windows(mel))
    assert padded.shape == (1, 9, 80, 20) and torch.equal(padded[:, 2:7], windows)


def test_audio_to_lip_sees_all_but_what_is_masked() -> None:
    network = AudioToLip(AUDIO_TO_LIP).eval()
    mel = torch.randn(1, 80, 48)
    mask = torch.zeros(1, 12, dtype=torch.bool)
    mask[:, 5:8] = True
    changed = mel.clone()
    changed[:, :, 20:32] += 1
    assert network(mel).shape == (1, 12, 512)
    assert torch.equal(network(mel, mask=mask), network(changed, mask=mask))
    assert not torch.allclose(network(mel), network(changed))
    changed[:, :, 40] += 1
    assert not torch.allclose(network(mel, mask=mask)[:, 0], network(changed, mask=mask)[:, 0])


def test_audio_to_lip_ignores_padding() -> None:
    network = AudioToLip(AUDIO_TO_LIP).eval()
    mel = torch.randn(1, 80, 48)
    padded = torch.cat([mel, torch.full((1, 80, 16), -5.0)], dim=2)
    louder = padded.clone()
    louder[:, :, 56:] = 0
    valid = torch.tensor([12])
    assert torch.allclose(network(padded, num_valid=valid)[:, :11], network(louder, num_valid=valid)[:, :11])


def test_products_of_rotated_vectors_depend_on_their_distance_in_time_alone() -> None:
    query, key = torch.randn(2, 16)
    turned = [rotate(vector.expand(1, 1, 50, 16))[0, 0] for vector in (query, key)]
    product = turned[0] @ turned[1].T
    for distance in (-7, 0, 3):
        along = product.diagonal(distance)
        assert torch.allclose(along, along[0].expand_as(along), atol=1e-4)
    assert torch.allclose(product[0, 0], query @ key, atol=1e-5)
    assert not torch.allclose(product[0, 0], product[0, 7])


def test_a_learned_mask_has_a_gradient_and_a_zero_mask_has_none() -> None:
    for mask_with in ("embedding", "zero"):
        network = AudioToLip(AudioToLipConfig(width=32, num_layers=1, num_heads=2, mask_with=mask_with))
        network(torch.randn(1, 80, 40), mask=torch.arange(10)[None] < 5).sum().backward()
        assert (network.mask_column.grad is not None) == (mask_with == "embedding")


def test_wav2lip_audio_sees_a_fifth_of_a_second() -> None:
    network = Wav2LipAudio(8, 1).eval()
    mel = torch.randn(1, 80, 48)
    changed = mel.clone()
    changed[:, :, 20:24] += 1
    differs = (network(mel) - network(changed)).abs().amax(-1)[0] > 1e-6
    assert differs.nonzero().flatten().tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("crop_px", [128, 256])
@pytest.mark.parametrize("finest_maps", ["full", "half"])
@pytest.mark.parametrize("output_from", ["scratch", "reference"])
@pytest.mark.parametrize("known_pixels", ["copied", "generated"])
def test_the_hidden_half_of_the_target_changes_nothing(
    known_pixels: Literal["copied", "generated"],
    output_from: Literal["scratch", "reference"],
    finest_maps: Literal["full", "half"],
    crop_px: int,
) -> None:
    config = GeneratorConfig(
        widths=(8,) * 6,
        blocks_per_level=1,
        known_pixels=known_pixels,
        output_from=output_from,
        finest_maps=finest_maps,
    )
    generator, top = LipToFace(config, crop_px).eval(), crop_px // 2
    reference, target = torch.rand(2, 3, crop_px, crop_px), torch.rand(2, 3, crop_px, crop_px)
    units = torch.randn(2, 512)
    other = target.clone()
    other[:, :, top:] = torch.rand(2, 3, top, crop_px)
    made = generator(reference, target, units)
    assert made.shape == (2, 3, crop_px, crop_px) and made.min() >= 0 and made.max() <= 1
    assert torch.equal(made, generator(reference, other, units))
    if known_pixels == "copied":
        assert torch.equal(made[:, :, :top], target[:, :, :top])
    assert not torch.equal(made[:, :, top:], generator(reference, target, -units)[:, :, top:])


def test_pixels_come_from_their_displaced_places() -> None:
    frames = torch.rand(2, 3, 128, 128)
    still = move_pixels(frames, torch.zeros(2, 2, 20, 32))
    assert torch.allclose(still, frames[:, :, 48:], atol=1e-4)
    right_and_down = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(2, 2, 20, 32)
    moved = move_pixels(frames, right_and_down)
    assert torch.allclose(moved[:, :, 10:, :100], frames[:, :, 54:124, 8:108], atol=1e-4)
    assert moved.shape == (2, 3, 80, 128)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_displacement_that_is_not_finite_shows_in_its_frame_alone(value: float) -> None:
    displacement = torch.zeros(2, 2, 32, 32)
    displacement[0, 0, 5, 5] = value
    displacement.requires_grad_()
    moved = move_pixels(torch.rand(2, 3, 128, 128), displacement)
    assert not moved[0, :, 22, 22].isfinite().any() and moved[0, :, 40:].isfinite().all()
    assert moved[1].isfinite().all()
    moved[1].sum().backward()
    assert displacement.grad is not None and displacement.grad[1].isfinite().all()


def test_pose_prior_shows_the_upper_half() -> None:
    frames = torch.rand(2, 3, 128, 128)
    prior = hide_lower_half(frames)
    assert torch.equal(prior[:, :, :64], frames[:, :, :64]) and not prior[:, :, 64:].any()


@pytest.mark.parametrize("method", ["wav2lip", "cals"])
def test_units_of_a_few_frames_are_those_of_the_whole_audio(method: str) -> None:
    model = LipSync(method, GENERATOR, AUDIO_TO_LIP).eval()
    mel = torch.randn(2, 80, 80)
    whole = model.units(mel)
    part = model.units_at(mel, torch.tensor([3, 9]), 5, torch.tensor([20, 20]))
    assert torch.allclose(part, torch.stack([whole[0, 3:8], whole[1, 9:14]]), atol=1e-5)


def test_every_trained_weight_of_a_generator_gets_a_finite_gradient() -> None:
    for method in ("wav2lip", "cals"):
        model, judge = LipSync(method, GENERATOR, AUDIO_TO_LIP), LowerFaceDiscriminator(8)
        units = model.units_at(torch.randn(1, 80, 80), torch.tensor([3]), 5, torch.tensor([20]))[0]
        frames = model.generate(torch.rand(5, 3, 128, 128), torch.rand(5, 3, 128, 128), units)
        logits = judge(frames[:, :, 64:])
        assert logits.shape == (5, 1, 4, 8)
        logits.sum().backward()
        model.audio.mask_column.requires_grad_(False) if method == "cals" else None
        trained = [p for p in model.parameters() if p.requires_grad]
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trained)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SyncEncoder(SYNC)(torch.rand(1, 9, 3, 64, 128), torch.randn(1, 80, 32)), "expected"),
        (lambda: LipEncoder(8, 1, 4)(torch.rand(1, 4, 3, 64, 128)), "needs 5 frames"),
        (lambda: LipEncoder(8, 1, 4)(torch.rand(1, 5, 3, 128, 128)), "expected"),
        (lambda: AudioToLip(AUDIO_TO_LIP)(torch.randn(1, 80, 41)), r"\(B, 80, 4T\)"),
        (
            lambda: AudioToLip(AUDIO_TO_LIP)(torch.randn(1, 80, 40), mask=torch.zeros(1, 40).bool()),
            "expected",
        ),
        (lambda: LipToFace(GENERATOR)(*[torch.rand(1, 3, 96, 96)] * 2, torch.rand(1, 512)), "expected"),
        (lambda: LipToFace(GENERATOR)(*[torch.rand(1, 3, 128, 128)] * 2, torch.rand(1, 256)), "units"),
        (lambda: LowerFaceDiscriminator(8)(torch.rand(1, 3, 128, 128)), "expected"),
        (lambda: mel_windows(torch.randn(1, 80, 16)), "20 mel frames"),
        (lambda: LipSync("cals", GENERATOR, None), "f_theta"),
    ],
)
def test_wrong_shapes_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_paper_size_is_wav2lips_scale() -> None:
    config = model_config("generator", "cals", PROFILES["paper"]["generator"])
    assert isinstance(config, GeneratorConfig)
    with torch.device("meta"):
        num_parameters = sum(p.numel() for p in LipToFace(config).parameters())
    assert 25e6 < num_parameters < 60e6
