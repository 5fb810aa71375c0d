"""Training of F_v and F_a, and their retrieval on held-out clips.

Source: contrastive pretraining between video and audio (CALS, arXiv 2305.19556). A sample is a run of consecutive
windows of one clip, so negatives are neighbours in time, the hardest ones, and other clips of the batch. With several
processes the negatives are those of all processes.

Legend: B samples, W windows a sample, D = 512.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import backward

from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.losses import info_nce
from cals_models.mel_windows import SILENCE, WINDOW_FRAMES
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.precision import place
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.augmentation import draw_relighting
from cals_models.training.clip_windows import (
    as_batch,
    lower_half,
    mel_of,
    run_of_clip,
    validation_source,
)
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.job import TrainingJob
from cals_models.training.retrieval import RetrievalTally
from cals_models.training.sampler import Sample, train_sampler, window_starts
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer

MAX_VALIDATION_FRAMES = 250


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "SyncEncoderStage":
    """The stage of a job."""
    assert isinstance(job.config, SyncEncoderConfig)
    return SyncEncoderStage(job.config, world, shard_sets)


class SyncEncoderStage(TrainingStage):
    """Trains a SyncEncoder by symmetric InfoNCE."""

    best_metric: ClassVar[str] = "loss"

    def __init__(self, config: SyncEncoderConfig, world: World, shard_sets: Sequence[ShardSet]) -> None:
        self.config: SyncEncoderConfig = config
        self.world = world
        seed_step(config.seed, -1, 0)
        self.encoder = SyncEncoder(config)
        place(self.encoder, world.device, config)
        self.networks = {"sync_encoder": self.encoder}
        self.exported = ("sync_encoder",)
        self.optimizers = {"sync_encoder": build_optimizer([self.encoder], config)}
        self._sampler = train_sampler(shard_sets, self._sample, config, world, at_encoder_size=True)
        self._chance: dict[str, float] = {}
        self._validation = validation_source(
            shard_sets, clip_cache_bytes=config.clip_cache_bytes, at_encoder_size=True
        )

    @property
    def chance_loss(self) -> float:
        """InfoNCE of uninformative embeddings: log of the number of candidates."""
        return math.log(self.config.batch_samples * self.config.windows_per_sample * self.world.size)

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number.

        Returns:
            frames uint8 (B, W + 4, 64, 128, 3), lower halves, RGB; mel float32 (B, 80, 4 (W + 4)), log10 magnitudes.
        """
        return self._sampler.draw(batch_number)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update; with accumulation the negatives are those of each batch."""
        losses, hits = [], []
        for batch in batches:
            with self.autocast():
                lips, audio = self.encoder(to_float_frames(batch["frames"]), batch["mel"])
            lips, audio = lips.flatten(0, 1), audio.flatten(0, 1)
            loss, hit = self._contrast(lips, audio)
            backward(loss / len(batches))
            losses.append(loss.detach())
            hits.append(hit)
        rate = learning_rate(step, self.config)
        norm = apply_gradients(
            self.optimizers["sync_encoder"], learning_rate=rate, config=self.config, world=self.world
        )
        return {
            "loss": torch.stack(losses).mean(),
            "batch_retrieval_at_1": torch.stack(hits).mean(),
            "temperature": self.encoder.temperature.detach(),
            "gradient_norm": norm,
            "chance_loss": torch.tensor(self.chance_loss, device=norm.device),
        }

    def validate(self, step: int) -> dict[str, float]:
        """Loss, retrieval and offsets on held-out clips; the loss is scaled to the number of candidates of a training batch."""
        tally = RetrievalTally()
        losses = []
        for clip in self._validation.first(self.config.validation_clips):
            run = run_of_clip(self._validation, clip, max_frames=MAX_VALIDATION_FRAMES)
            if run is None:
                continue
            frames, mel = (as_batch(array, self.world.device) for array in run)
            with self.autocast():
                lips, audio = self.encoder(lower_half(to_float_frames(frames)), mel)
            losses.append(
                info_nce(lips[0], audio[0], self.encoder.temperature).item() / math.log(lips.shape[1])
            )
            tally.add(lips[0].cpu(), audio[0].cpu())
        if not losses:
            raise ValueError(
                f"no clip of the split val has {WINDOW_FRAMES} valid frames in a row; validation needs one"
            )
        chance = {f"chance_{name}": value for name, value in tally.chance().items()}
        return {"loss": float(np.mean(losses)) * self.chance_loss, **tally.shares(), **chance}

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Keeps the shares by chance, which depend on the validation clips."""
        self._chance = {name[7:]: value for name, value in metrics.items() if name.startswith("chance_")}

    def chance(self) -> dict[str, float]:
        """InfoNCE and retrieval of uninformative embeddings."""
        return {"loss": self.chance_loss, **self._chance}

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`plateau_at_chance`, `clips_without_window`."""
        found = []
        late = step >= min(self.config.plateau_after_steps, self.config.steps)
        if train and late and train["loss"] > self.config.plateau_margin * self.chance_loss:
            found.append(
                Diagnosis(
                    name="plateau_at_chance",
                    text=f"the loss is {train['loss']:.3f} after {step} steps, {self.chance_loss:.3f} by chance:"
                    " check the audio-video offset of the clips, then lower learning_rate or lengthen"
                    " warmup_steps; with few clips raise batch_samples",
                )
            )
        return found + self._sampler.diagnose()

    def _sample(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        config = self.config
        length = config.windows_per_sample + WINDOW_FRAMES - 1
        starts = window_starts(clip.valid, length)
        if len(starts) == 0:
            return None
        start = int(generator.choice(starts))
        frames = self._sampler.source.frames(clip, range(start, start + length))
        mel = mel_of(clip, start, length).copy()
        first_bin = int(generator.integers(0, mel.shape[0] - config.mel_bins_masked + 1))
        mel[first_bin : first_bin + int(generator.integers(0, config.mel_bins_masked + 1))] = SILENCE
        return {"frames": self._augment(frames, generator), "mel": mel}

    def _augment(
        self, frames: npt.NDArray[np.uint8], generator: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """Lower halves, shifted, mirrored and changed in brightness, contrast and colour, all frames of a sample alike."""
        config, limit = self.config, self.config.shift_px
        down, right = (int(generator.integers(-limit, limit + 1)) for _ in range(2))
        num_rows = frames.shape[1]
        rows = np.clip(np.arange(num_rows // 2, num_rows) + down, 0, num_rows - 1)
        columns = np.clip(np.arange(frames.shape[2]) + right, 0, frames.shape[2] - 1)
        if generator.random() < config.mirror_share:
            columns = columns[::-1]
        moved = frames[:, rows][:, :, columns]
        return draw_relighting(config.brightness_jitter, generator)(moved)

    def _contrast(self, lips: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        temperature, first = self.encoder.temperature, self.world.rank * len(lips)
        all_lips, all_audio = self.world.gather(lips), self.world.gather(audio)
        loss = 0.5 * (
            info_nce(lips, all_audio, temperature, first_row=first)
            + info_nce(audio, all_lips, temperature, first_row=first)
        )
        with torch.no_grad():
            found = (lips @ all_audio.T).argmax(1)
            hit = (found == torch.arange(first, first + len(lips), device=lips.device)).float().mean()
        return loss, hit
