"""Figures of a generator in training on fixed held-out samples, and pictures to look at.

The figures steer training; those that are reported come from rendered test clips.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cals_models.config import GeneratorConfig
from cals_models.losses import wav2lip_sync_loss
from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.metrics.crop_metrics import mouth_region, psnr, ssim
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import lower_half, to_pictures, validation_source
from cals_models.training.distributed import World
from cals_models.training.sampler import Sample
from cals_models.training.stage import Batch

if TYPE_CHECKING:
    from cals_models.training.generator import GeneratorStage

SAMPLES_PER_CLIP = 2
SAMPLES_AT_ONCE = 4
NUM_PICTURES = 4


class GeneratorValidation:
    """Held-out samples, drawn once.

    Args:
        shard_sets: the split `val` of the first is looked at.
        config: of the generator.
        world: where to compute.
        sample: draws a sample from a clip.
    """

    def __init__(
        self,
        shard_sets: Sequence[ShardSet],
        config: GeneratorConfig,
        world: World,
        sample: Callable[[ShardClip, np.random.Generator], Sample | None],
    ) -> None:
        source = validation_source(shard_sets, clip_cache_bytes=config.clip_cache_bytes)
        self._device = world.device
        self._samples: list[Sample] = []
        for number, clip in enumerate(source.first(config.validation_clips)):
            generator = np.random.default_rng([0, number])
            drawn = [sample(clip, generator) for _ in range(SAMPLES_PER_CLIP)]
            self._samples += [one for one in drawn if one is not None]
        if not self._samples:
            raise ValueError(
                "no clip of the split val has target frames and a reference far enough from them;"
                " validation needs one of at least"
                f" {config.target_frames + 2 * CONTEXT_FRAMES + 4} frames"
            )
        self.pictures: list[Tensor] = []

    def figures(self, stage: "GeneratorStage") -> dict[str, float]:
        """Means over all samples; see GeneratorStage.validate."""
        rows = []
        self.pictures = []
        for first in range(0, len(self._samples), SAMPLES_AT_ONCE):
            batch = self._batch(range(first, min(first + SAMPLES_AT_ONCE, len(self._samples))))
            # The sound of a sample half the list away: another clip's, unless there is only one.
            shift = len(self._samples) // 2
            other = self._batch(
                [(row + shift) % len(self._samples) for row in range(first, first + len(batch["first"]))]
            )
            rows.append(self._figures_of(stage, batch, other))
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _batch(self, rows: Sequence[int]) -> Batch:
        samples = [self._samples[row] for row in rows]
        return {
            name: torch.from_numpy(np.stack([sample[name] for sample in samples])).to(self._device)
            for name in samples[0]
        }

    def _figures_of(self, stage: "GeneratorStage", batch: Batch, other: Batch) -> dict[str, float]:
        pictures = to_pictures(batch["frames"])
        targets = pictures[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        sound_of_other = {**batch, **{name: other[name] for name in ("mel", "first", "num_valid")}}
        with stage.autocast():
            made, misheard = stage.make(batch, targets), stage.make(sound_of_other, targets)
            sounds = stage.expert.audio(batch["target_mel"])
            lips = {
                name: self._lips(stage, pictures, frames)
                for name, frames in {"made": made, "other": misheard, "real": targets}.items()
            }
        reference = to_pictures(batch["reference"])[:, None].expand_as(targets)
        self._keep(reference, targets, made)
        true, shown, copied = as_bytes(targets), as_bytes(made), as_bytes(reference)
        return {
            "l1": (lower_half(made) - lower_half(targets)).abs().mean().item(),
            **_compare("", shown, true),
            **_compare("copy_", copied, true),
            "other_audio_psnr_mouth": _mean(psnr(mouth_region(as_bytes(misheard)), mouth_region(true))),
            "reference_nearness": _nearness(made, reference, targets),
            "expert_loss": wav2lip_sync_loss(lips["made"], sounds).item(),
            "expert_loss_real": wav2lip_sync_loss(lips["real"], sounds).item(),
            "cosine": (lips["made"] * sounds).sum(-1).mean().item(),
            "cosine_other_audio": (lips["other"] * sounds).sum(-1).mean().item(),
            "cosine_real": (lips["real"] * sounds).sum(-1).mean().item(),
        }

    def _lips(self, stage: "GeneratorStage", pictures: Tensor, frames: Tensor) -> Tensor:
        real = lower_half(pictures)
        mixed = [real[:, :CONTEXT_FRAMES], lower_half(frames), real[:, -CONTEXT_FRAMES:]]
        lips: Tensor = stage.expert.visual(torch.cat(mixed, dim=1))
        return lips

    def _keep(self, reference: Tensor, targets: Tensor, made: Tensor) -> None:
        middle = targets.shape[1] // 2
        for row in range(len(targets)):
            if len(self.pictures) < NUM_PICTURES:
                prior = targets[row, middle].clone()
                prior[:, prior.shape[1] // 2 :] = 0
                strip = [reference[row, middle], prior, made[row, middle], targets[row, middle]]
                self.pictures.append(torch.cat(strip, dim=2).cpu())


def as_bytes(pictures: Tensor) -> Tensor:
    """float (B, S, 3, H, W) in [0, 1] -> uint8 (B S, H, W, 3), rounded, on the CPU."""
    frames = (pictures.float().flatten(0, 1) * 255).round().clamp(0, 255).to(torch.uint8)
    return frames.permute(0, 2, 3, 1).contiguous().cpu()


def sample_strip(pictures: Sequence[Tensor]) -> dict[str, bytes]:
    """Pictures (3, H, W) in [0, 1] under each other as one PNG."""
    if not pictures:
        return {}
    stacked = torch.cat(list(pictures), dim=1)
    return {"samples.png": encode_png(as_bytes(stacked[None, None])[0].numpy())}


def encode_png(pixels: np.ndarray) -> bytes:
    """An RGB picture (H, W, 3) uint8 as PNG (RFC 2083), without a picture library."""
    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def _compare(prefix: str, shown: Tensor, true: Tensor) -> dict[str, float]:
    return {
        f"{prefix}psnr": _mean(psnr(shown, true)),
        f"{prefix}psnr_mouth": _mean(psnr(mouth_region(shown), mouth_region(true))),
        f"{prefix}ssim": _mean(ssim(shown, true)),
        f"{prefix}ssim_mouth": _mean(ssim(mouth_region(shown), mouth_region(true))),
    }


def _mean(values: Tensor) -> float:
    finite = values[torch.isfinite(values)]
    return finite.mean().item() if len(finite) else float("nan")


def _nearness(made: Tensor, reference: Tensor, targets: Tensor) -> float:
    """How far made mouths have come from the reference's towards the true ones: 0 the reference, 1 the truth.

    The share of the true change (target - reference) that the made change (made - reference) explains.
    """
    change, reached = lower_half(targets - reference), lower_half(made - reference)
    return ((reached * change).sum() / change.square().sum().clamp_min(1e-8)).item()
