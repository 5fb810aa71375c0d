"""Networks at crops of 256 px: one more level to generate and to judge, F_v at 128 px."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
import torch.nn.functional as F

from cals_models.config.generator import GeneratorConfig
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.networks.discriminator import LowerFaceDiscriminator
from cals_models.networks.generator import LipToFace, move_pixels, widths_at
from cals_models.networks.sync_encoder import SyncEncoder

SMALL = GeneratorConfig(
    widths=(16, 16, 16, 16, 16, 16), blocks_per_level=1, output_from="reference", finest_maps="full"
)


@pytest.mark.parametrize(("first", "added"), [(8, 8), (16, 8), (24, 8), (32, 16), (40, 16), (64, 32)])
def test_the_added_level_has_half_the_channels_of_the_next(first: int, added: int) -> None:
    widths = (first, 64, 128, 256, 512, 512)
    assert widths_at(widths, 128) == widths and widths_at(widths, 256) == (added, *widths)


@pytest.mark.parametrize("finest_maps", ["full", "half"])
def test_a_generator_of_256_px_has_one_level_more(finest_maps: Literal["full", "half"]) -> None:
    config = GeneratorConfig(widths=(16,) * 6, blocks_per_level=1, finest_maps=finest_maps)
    small, large = LipToFace(config), LipToFace(config, 256)
    assert len(large.encoder) == len(small.encoder) + 1 and len(large.decoder) == len(small.decoder) + 1
    assert large.bottleneck.weight.shape == small.bottleneck.weight.shape


def test_every_weight_of_a_generator_of_256_px_learns() -> None:
    generator = LipToFace(SMALL, 256)
    frames = torch.rand(2, 3, 256, 256)
    generator(frames, frames.flip(0), torch.randn(2, 512)).square().mean().backward()
    still = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_a_generator_takes_only_crops_of_its_size() -> None:
    frames = torch.rand(1, 3, 128, 128)
    with pytest.raises(ValueError, match=r"expected \(1, 3, 256, 256\)"):
        LipToFace(SMALL, 256)(frames, frames, torch.randn(1, 512))


@pytest.mark.parametrize("crop_px", [128, 256])
def test_a_displacement_is_in_places_of_its_field(crop_px: int) -> None:
    """One place of a field of 32 is 1/32 of the crop, whatever its size."""
    frames = torch.arange(crop_px).float().expand(1, 3, crop_px, crop_px) / crop_px
    field = torch.zeros(1, 2, 16, 32)
    field[:, 0] = 1
    moved = move_pixels(frames, field)
    middle = crop_px // 2
    assert moved.shape == (1, 3, middle, crop_px)
    assert moved[0, 0, 0, middle].item() == pytest.approx(0.5 + 1 / 32, abs=1e-5)


def test_the_encoder_of_lips_looks_at_the_means_of_larger_crops() -> None:
    encoder = SyncEncoder(
        SyncEncoderConfig(visual_width=8, audio_width=8, blocks_per_level=1, visual_front_stride=4)
    ).visual.eval()
    large = torch.rand(2, 7, 3, 128, 256, requires_grad=True)
    small = F.avg_pool2d(large.detach().flatten(0, 1), 2).unflatten(0, (2, 7))
    units = encoder(large)
    assert torch.equal(units.detach(), encoder(small))
    units[0, 0, 0].backward()
    assert large.grad is not None and bool(large.grad[0, :5].any()) and not bool(large.grad[1].any())
    with pytest.raises(ValueError, match=r"expected \(B, T, 3, 64, 128\)"):
        encoder(torch.rand(1, 5, 3, 32, 64))


def test_the_patches_of_the_discriminator_keep_their_size_in_the_face() -> None:
    small, large = LowerFaceDiscriminator(16), LowerFaceDiscriminator(16, 256)
    assert small(torch.rand(2, 3, 64, 128)).shape == large(torch.rand(2, 3, 128, 256)).shape == (2, 1, 4, 8)
    with pytest.raises(ValueError, match=r"expected \(N, 3, 128, 256\)"):
        large(torch.rand(2, 3, 64, 128))
