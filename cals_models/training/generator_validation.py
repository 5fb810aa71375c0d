"""Metrics of a generator in training on fixed held-out samples, and a preview of its frames.

They steer the training; the metrics that are reported come from rendered test clips.

Legend: B samples, S target frames, P side of a crop, W = S windows of F_v a sample, D = 512.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from cals_models.codecs.png import encode_png
from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.losses import wav2lip_sync_loss
from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.metrics.crop_metrics import mouth_region, psnr, ssim
from cals_models.networks.frame_tensors import to_byte_frames, to_float_frames
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.precision import autocast
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_units import clip_units, units_at
from cals_models.training.clip_windows import lower_half, validation_source
from cals_models.training.distributed import World
from cals_models.training.generator_samples import SampleDrawer
from cals_models.training.sampler import Sample
from cals_models.training.stage import Batch

SAMPLES_PER_CLIP = 2
SAMPLES_AT_ONCE = 4
NUM_PREVIEWS = 4


class GeneratorValidation:
    """Held-out samples, drawn once.

    Args:
        shard_sets: the split `val` of the first one validates.
        config: of the generator.
        world: where to compute.
        expert: the frozen sync encoder, on the world's device.

    Raises:
        ValueError: no clip of the split has a sample.
    """

    def __init__(
        self,
        shard_sets: Sequence[ShardSet],
        config: GeneratedFramesConfig,
        world: World,
        expert: SyncEncoder,
    ) -> None:
        source = validation_source(shard_sets, clip_cache_bytes=config.clip_cache_bytes)
        self._device, self._precision, self._expert = world.device, config.precision, expert
        self._samples: list[Sample] = []
        self._firsts_of_clips: list[int] = []
        for number, clip in enumerate(source.first(config.validation_clips)):
            generator = np.random.default_rng([0, number])
            keys = {clip.key: clip_units(expert, clip, world.device, config.precision)}
            drawer = SampleDrawer(source, config, keys, {}, augment=False)
            drawn = [drawer.window(clip, generator) for _ in range(SAMPLES_PER_CLIP)]
            usable = [one for one in drawn if one is not None]
            self._firsts_of_clips += [len(self._samples)] if usable else []
            self._samples += usable
        if not self._samples:
            raise ValueError(
                "no clip of the split val has target frames and a reference far enough from them;"
                " validation needs one of at least"
                f" {config.target_frames + 2 * CONTEXT_FRAMES + 4} frames"
            )
        self._previews: list[Tensor] = []

    def metrics(self, generate: Callable[[Batch, Tensor], Tensor]) -> dict[str, float]:
        """Means over all samples, with their own audio and with another clip's.

        Args:
            generate: (batch, targets (B, S, 3, P, P)) -> generated targets of the same shape, RGB in [0, 1].
        """
        rows = []
        self._previews = []
        for first in range(0, len(self._samples), SAMPLES_AT_ONCE):
            batch = self._batch(range(first, min(first + SAMPLES_AT_ONCE, len(self._samples))))
            # The audio of the sample half the list away is another clip's, unless there is only one clip.
            shift = len(self._samples) // 2
            other = self._batch(
                [(row + shift) % len(self._samples) for row in range(first, first + len(batch["first"]))]
            )
            rows.append(self._metrics_of(generate, batch, other))
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def clip_batches(self) -> Iterator[Batch]:
        """The first sample of each clip, in batches on the device: its mel and F_v's units span `context_frames` of it."""
        for first in range(0, len(self._firsts_of_clips), SAMPLES_AT_ONCE):
            yield self._batch(self._firsts_of_clips[first : first + SAMPLES_AT_ONCE])

    def preview(self) -> dict[str, bytes]:
        """One PNG of the last validation; a row a sample: reference, pose prior, generated frame, true frame."""
        if not self._previews:
            return {}
        stacked = torch.cat(self._previews, dim=1)
        return {"samples.png": encode_png(to_byte_frames(stacked).numpy())}

    def _batch(self, rows: Sequence[int]) -> Batch:
        samples = [self._samples[row] for row in rows]
        return {
            name: torch.from_numpy(np.stack([sample[name] for sample in samples])).to(self._device)
            for name in samples[0]
        }

    def _metrics_of(
        self, generate: Callable[[Batch, Tensor], Tensor], batch: Batch, other: Batch
    ) -> dict[str, float]:
        frames = to_float_frames(batch["frames"])
        targets = frames[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        with_other_audio = {**batch, **{name: other[name] for name in ("mel", "first", "num_valid")}}
        with autocast(self._device, self._precision):
            generated, generated_other = generate(batch, targets), generate(with_other_audio, targets)
            lips = self._lips(frames, generated)
            lips_other = self._lips(frames, generated_other)
        num_targets = targets.shape[1]
        audio, lips_real = (units_at(batch[name], batch["first"], num_targets) for name in ("audio", "lips"))
        reference = to_float_frames(batch["reference"])[:, None].expand_as(targets)
        self._keep(reference, targets, generated)
        true, shown, copied = (
            to_byte_frames(frames.flatten(0, 1)) for frames in (targets, generated, reference)
        )
        shown_other = to_byte_frames(generated_other.flatten(0, 1))
        compared = _compare("", shown, true)
        with_other = _mean(psnr(mouth_region(shown_other), mouth_region(true)))
        return {
            "l1": (lower_half(generated) - lower_half(targets)).abs().mean().item(),
            **compared,
            **_compare("copy_", copied, true),
            "other_audio_psnr_mouth": with_other,
            "audio_gain": compared["psnr_mouth"] - with_other,
            "reference_nearness": _nearness(generated, reference, targets),
            "expert_loss": wav2lip_sync_loss(lips, audio).item(),
            "expert_loss_real": wav2lip_sync_loss(lips_real, audio).item(),
            "cosine": (lips * audio).sum(-1).mean().item(),
            "cosine_other_audio": (lips_other * audio).sum(-1).mean().item(),
            "cosine_real": (lips_real * audio).sum(-1).mean().item(),
        }

    def _lips(self, frames: Tensor, targets: Tensor) -> Tensor:
        """F_v's units (B, W, D) of windows that hold targets and, at their ends, real frames."""
        real = lower_half(frames)
        mixed = [real[:, :CONTEXT_FRAMES], lower_half(targets), real[:, -CONTEXT_FRAMES:]]
        lips: Tensor = self._expert.visual(torch.cat(mixed, dim=1))
        return lips

    def _keep(self, reference: Tensor, targets: Tensor, generated: Tensor) -> None:
        middle = targets.shape[1] // 2
        for row in range(len(targets)):
            if len(self._previews) < NUM_PREVIEWS:
                prior = targets[row, middle].clone()
                prior[:, prior.shape[1] // 2 :] = 0
                strip = [reference[row, middle], prior, generated[row, middle], targets[row, middle]]
                self._previews.append(torch.cat(strip, dim=2).cpu())


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


def _nearness(generated: Tensor, reference: Tensor, targets: Tensor) -> float:
    """How far generated mouths have come from the reference's towards the true ones: 0 the reference, 1 the truth.

    The share of the true change (target - reference) that the generated change (generated - reference) explains.
    """
    change, reached = lower_half(targets - reference), lower_half(generated - reference)
    return ((reached * change).sum() / change.square().sum().clamp_min(1e-8)).item()
