"""Training of f_theta: its units are compared with those of the frozen F_v, of masked and of given timesteps.

Source: L_a2l of CALS (arXiv 2305.19556), masking as in AV-HuBERT (arXiv 2201.02184). A sample is a stretch of one
clip; its first and last two frames lack a whole visual window, so they have no target and are not counted.

Legend: B samples, L frames of the longest stretch, D = 512.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import backward

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.losses import audio_to_lip_loss
from cals_models.masking import span_mask
from cals_models.mel_windows import CONTEXT_FRAMES, SILENCE
from cals_models.networks.audio_to_lip import AudioToLip
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.precision import place
from cals_models.shards.crop_sizes import lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.clip_units import clip_units, lip_units
from cals_models.training.clip_windows import (
    as_batch,
    longest_valid_run,
    mel_of,
    run_of_clip,
    validation_source,
)
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.job import TrainingJob
from cals_models.training.retrieval import RetrievalTally
from cals_models.training.sampler import Sample, pad_frames, train_sampler
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer

MIN_SAMPLE_FRAMES = 10
MIN_RETRIEVAL = 2.0
"""Least retrieval of frames by units within one frame, as a multiple of chance."""


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "AudioToLipStage":
    """The stage of a job; its trained sync encoder computes the targets.

    Raises:
        ValueError: the sync encoder or a shard set cannot be used.
    """
    assert isinstance(job.config, AudioToLipConfig)
    return AudioToLipStage(job.config, world, shard_sets, load_sync_encoder(job.inputs["sync_encoder"]))


class AudioToLipStage(TrainingStage):
    """Trains an AudioToLip against a frozen SyncEncoder's visual half."""

    best_metric: ClassVar[str] = "loss"

    def __init__(
        self, config: AudioToLipConfig, world: World, shard_sets: Sequence[ShardSet], expert: SyncEncoder
    ) -> None:
        self.config: AudioToLipConfig = config
        self.world = world
        seed_step(config.seed, -1, 0)
        self.network = AudioToLip(config)
        place(self.network, world.device, config)
        self.expert = expert
        place(self.expert, world.device, config)
        self.networks = {"audio_to_lip": self.network}
        self.exported = ("audio_to_lip",)
        self.optimizers = {"audio_to_lip": build_optimizer([self.network], config)}
        self._sampler = train_sampler(
            shard_sets, self._sample, config, world, keeps_frames=False, at_encoder_size=True
        )
        self._units = {
            clip.key: clip_units(expert, clip, world.device, config.precision).lips
            for clip in self._sampler.source.in_memory
        }
        self._chance: dict[str, float] = {}
        self._validation = validation_source(
            shard_sets, clip_cache_bytes=config.clip_cache_bytes, at_encoder_size=True
        )

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number.

        Returns:
            mel float32 (B, 80, 4L), log10 magnitudes; mask bool (B, L), True where masked; num_valid int64 (B,), video
            frames that are not padding. Of a set kept in memory, units float32 (B, L, 512), which F_v computed once; of
            a streamed one, frames uint8 (B, L, 64, 128, 3), lower halves, RGB.
        """
        return self._sampler.draw(batch_number)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update; the loss is the mean over the counted timesteps of all batches and processes."""
        counts = torch.stack([self._counted(batch).sum() for batch in batches])
        total = self.world.sum(counts.sum().float()) / self.world.size
        losses = []
        for batch, count in zip(batches, counts, strict=True):
            with self.autocast():
                targets = batch["units"] if "units" in batch else lip_units(self.expert, batch["frames"])
                units = self.network(batch["mel"], mask=batch["mask"], num_valid=batch["num_valid"])
            loss = audio_to_lip_loss(units, targets, self._counted(batch)) * count / total
            backward(loss)
            losses.append(loss.detach())
        rate = learning_rate(step, self.config)
        norm = apply_gradients(
            self.optimizers["audio_to_lip"], learning_rate=rate, config=self.config, world=self.world
        )
        share = torch.cat([batch["mask"].float().sum(1) / batch["num_valid"] for batch in batches]).mean()
        return {"loss": torch.stack(losses).sum(), "masked_share": share, "gradient_norm": norm}

    def validate(self, step: int) -> dict[str, float]:
        """Loss under fixed masks and with all audio, and retrieval of frames by units."""
        masked, clean, tally, all_targets = [], [], RetrievalTally(), []
        for number, clip in enumerate(self._validation.first(self.config.validation_clips)):
            run = run_of_clip(self._validation, clip, max_frames=self.config.sample_frames)
            if run is None or len(run[0]) < MIN_SAMPLE_FRAMES:
                continue
            frames, mel = (as_batch(array, self.world.device) for array in run)
            seeded = torch.Generator().manual_seed(number)
            mask = self._mask(frames.shape[1], self.config.mask_share, seeded)[None].to(self.world.device)
            with self.autocast():
                targets = lip_units(self.expert, frames[:, :, frames.shape[2] // 2 :])
                hidden, whole = self.network(mel, mask=mask), self.network(mel)
            inner = slice(CONTEXT_FRAMES, frames.shape[1] - CONTEXT_FRAMES)
            counted = torch.zeros_like(mask)
            counted[:, inner] = True
            masked.append(audio_to_lip_loss(hidden, targets, counted & mask).item())
            clean.append(audio_to_lip_loss(whole, targets, counted).item())
            units = torch.nn.functional.normalize(whole[0, inner], dim=-1)
            tally.add(targets[0, inner].cpu(), units.cpu())
            all_targets.append(targets[0, inner].cpu())
        if not masked:
            raise ValueError(
                f"no clip of the split val has {MIN_SAMPLE_FRAMES} valid frames in a row; validation needs one"
            )
        stacked = torch.cat(all_targets)
        return {
            "loss": float(np.mean(masked)),
            "clean_loss": float(np.mean(clean)),
            "mean_target_loss": (stacked - stacked.mean(0)).square().sum(-1).mean().item(),
            **{f"unit_{name}": value for name, value in tally.shares().items()},
            "chance_unit_retrieval_within_1_frame": tally.chance()["retrieval_within_1_frame"],
        }

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Keeps the loss of a constant unit, the mean of the targets, and the retrieval by chance."""
        name = "unit_retrieval_within_1_frame"
        self._chance = {"loss": metrics["mean_target_loss"], name: metrics[f"chance_{name}"]}

    def chance(self) -> dict[str, float]:
        """The loss of a constant unit, and the retrieval by uninformative units."""
        return self._chance

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`plateau_at_chance` (at the end near a constant, or no frame finds its own unit), `clips_without_window`."""
        found = []
        if val and is_last:
            retrieval = val["unit_retrieval_within_1_frame"]
            chance = val["chance_unit_retrieval_within_1_frame"]
            if val["clean_loss"] >= val["mean_target_loss"] or retrieval < MIN_RETRIEVAL * chance:
                found.append(
                    Diagnosis(
                        name="plateau_at_chance",
                        text=f"on held-out clips the units are {val['clean_loss']:.3f} from F_v's (a constant:"
                        f" {val['mean_target_loss']:.3f}), and {retrieval:.2f} of the frames find their own (by"
                        f" chance {chance:.2f}): train longer, and check the sync encoder's retrieval",
                    )
                )
        return found + self._sampler.diagnose()

    def _sample(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        run_start, run_length = longest_valid_run(clip.valid)
        length = min(run_length, self.config.sample_frames)
        if length < MIN_SAMPLE_FRAMES:
            return None
        start = run_start + int(generator.integers(0, run_length - length + 1))
        mask = self._drawn_mask(length, generator)
        return {
            **self._targets_or_frames(clip, start, length),
            "mel": pad_frames(
                self._augmented(mel_of(clip, start, length), generator),
                MELS_PER_FRAME * self.config.sample_frames,
                fill=SILENCE,
            ),
            "mask": pad_frames(mask, self.config.sample_frames, fill=False),
            "num_valid": np.array(length),
        }

    def _targets_or_frames(self, clip: ShardClip, start: int, length: int) -> Sample:
        padding = (0, self.config.sample_frames - length)
        if clip.key in self._units:
            return {"units": np.pad(self._units[clip.key][start : start + length], (padding, (0, 0)))}
        frames = lower_rows(self._sampler.source.frames(clip, range(start, start + length)))
        return {"frames": np.pad(frames, (padding, (0, 0), (0, 0), (0, 0)))}

    def _augmented(
        self, mel: npt.NDArray[np.float32], generator: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """The mel (80, 4L) at another level and with some neighbouring bins silenced."""
        config = self.config
        jitter = np.float32(generator.uniform(-config.level_jitter, config.level_jitter))
        changed: npt.NDArray[np.float32] = np.maximum(mel + jitter, np.float32(SILENCE))
        num_bins = int(generator.integers(0, config.mel_bins_masked + 1))
        first_bin = int(generator.integers(0, mel.shape[0] - num_bins + 1))
        changed[first_bin : first_bin + num_bins] = SILENCE
        return changed

    def _drawn_mask(self, length: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
        """bool (L,), True where masked: of no frame, or of a share between the smallest and the largest."""
        config = self.config
        if generator.random() < config.unmasked_share:
            return np.zeros(length, np.bool_)
        share = float(generator.uniform(config.min_mask_share, config.mask_share))
        seeded = torch.Generator().manual_seed(int(generator.integers(2**62)))
        return self._mask(length, share, seeded).numpy()

    def _mask(self, length: int, share: float, generator: torch.Generator) -> Tensor:
        """bool (L,), True where masked; drawn until at least one masked frame has a target."""
        while True:
            mask = span_mask(
                torch.tensor([length]),
                length,
                mask_share=share,
                span_frames=self.config.mask_span_frames,
                generator=generator,
            )[0]
            if mask[CONTEXT_FRAMES : length - CONTEXT_FRAMES].any():
                return mask

    def _counted(self, batch: Batch) -> Tensor:
        """bool (B, L): in L_a2l, and far enough from the stretch's ends to have a target."""
        frames = torch.arange(batch["mask"].shape[1], device=batch["mask"].device)
        inner = (frames >= CONTEXT_FRAMES) & (frames < batch["num_valid"][:, None] - CONTEXT_FRAMES)
        return batch["mask"] & inner if self.config.counted_steps == "masked" else inner
