"""Training of SyncTalkFace: memory, audio encoder, generator and discriminator.

Source: SyncTalkFace (arXiv 2211.00924): store and align losses of the memory; two generations, from the mouth that the
audio recalls and from the frame's own lip features, both with the audio feature; L1, GAN, audio-visual and visual-visual
sync count for both. Samples, single frames first and the gate of the sync losses are as in the other methods.

The lip features are those of the frozen F_v, which is the expert of both sync losses too (the original trains its lip
encoder along). A mouth that is generated has a window of F_v with real frames at its ends.

Legend: B samples, S target frames, G = 2 generations, D = 512.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.losses import adversarial_loss, memory_align_loss, memory_store_loss, wav2lip_sync_loss
from cals_models.mel_windows import CONTEXT_FRAMES, WINDOW_FRAMES
from cals_models.networks.discriminator import LowerFaceDiscriminator
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.generator_files import continue_from
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.synctalkface import LIP_SCALE, SyncTalkFace
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.precision import place
from cals_models.shards.crop_sizes import common_crop_px
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.clip_units import clip_units
from cals_models.training.clip_windows import lower_half, median_speech_level
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.generator_samples import SampleDrawer
from cals_models.training.generator_validation import GeneratorValidation
from cals_models.training.job import TrainingJob
from cals_models.training.lip_to_face import LipToFaceStage
from cals_models.training.memory_use import memory_diagnoses, memory_use
from cals_models.training.sampler import sampler_of, train_source
from cals_models.training.stage import Batch, Diagnosis, build_optimizer

CLIPS_FOR_SLOTS = 24
SLOT_NOISE = 0.1
"""Added to slots at the start, so that two that start from one frame part."""


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "SyncTalkFaceStage":
    """The stage of a job. Lip features and expert are the trained sync encoder's.

    Where the job names a trained model of this method, its parts continue from its weights.

    Raises:
        ValueError: an input model or a shard set cannot be used.
    """
    assert isinstance(job.config, SyncTalkFaceConfig)
    expert = load_sync_encoder(job.inputs["sync_encoder"])
    seed_step(job.config.seed, -1, 0)
    crop_px = common_crop_px(shard_sets)
    model = SyncTalkFace(job.config, crop_px)
    stage = SyncTalkFaceStage(job.config, world, shard_sets, model, expert)
    if "generator" in job.inputs:
        continue_from(job.inputs["generator"], str(job.method), model.parts(), crop_px)
    else:
        stage.start_memory()
    return stage


class SyncTalkFaceStage(LipToFaceStage):
    """Trains a SyncTalkFace against a LowerFaceDiscriminator and a frozen SyncEncoder."""

    def __init__(
        self,
        config: SyncTalkFaceConfig,
        world: World,
        shard_sets: Sequence[ShardSet],
        model: SyncTalkFace,
        expert: SyncEncoder,
    ) -> None:
        super().__init__()
        self.config: SyncTalkFaceConfig = config
        self.world, self.model, self.expert = world, model, expert
        seed_step(config.seed, -2, 0)
        self.discriminator = LowerFaceDiscriminator(config.discriminator_width, model.generator.crop_px)
        parts = model.parts()
        self.exported = tuple(parts)
        self.networks = {**parts, "discriminator": self.discriminator}
        for network in (*self.networks.values(), self.expert):
            place(network, world.device, config)
        self.optimizers = {
            "generator": build_optimizer(parts.values(), config),
            "discriminator": build_optimizer([self.discriminator], config),
        }
        self.sync_is_on = config.sync_switch_on_nearness == 0
        source = train_source(shard_sets, config)
        drawer = SampleDrawer(source, config, None, {}, augment=True)
        self._window_sampler = sampler_of(source, drawer.window, config, world)
        self._single_sampler = sampler_of(source, drawer.single, config, world, times=config.target_frames)
        self._validation = GeneratorValidation(shard_sets, config, world, expert)

    def start_memory(self) -> None:
        """Starts the slots of lips at mouths of train clips: a slot that is like no mouth would be used by none."""
        config, device = self.config, self.world.device
        found = [
            clip_units(self.expert, clip, device, config.precision).lips[CONTEXT_FRAMES:-CONTEXT_FRAMES]
            for clip in self._window_sampler.source.first(CLIPS_FOR_SLOTS)
            if clip.num_frames >= WINDOW_FRAMES
        ]
        units = np.concatenate(found)
        generator = np.random.default_rng([config.seed, config.memory_slots])
        rows = generator.choice(len(units), config.memory_slots, replace=len(units) < config.memory_slots)
        noise = generator.normal(0, SLOT_NOISE, (config.memory_slots, units.shape[1]))
        lips = (LIP_SCALE * units[rows] + noise).astype(np.float32)
        self.model.memory.start_from(torch.from_numpy(lips).to(device))

    def generator_losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The losses of memory and generator on a batch.

        Args:
            batch: see `draw`.

        Returns:
            All terms and their weighted sum `loss`, scalars; the real (B S, 3, 64, 128) and the generated lower halves
            (G B S, 3, 64, 128), RGB in [0, 1].
        """
        config, memory = self.config, self.model.memory
        frames = to_float_frames(batch["frames"])
        targets = frames[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        with torch.no_grad():
            lips = self.lip_features(lower_half(frames))
        audio = self.model.audio_at(batch["mel"], batch["first"], targets.shape[1])
        by_lips, by_audio = memory.log_address(lips, "lip"), memory.log_address(audio, "audio")
        units = [self.model.joined(known, audio) for known in (memory.read(by_audio), lips)]
        fake = self._frames(batch, targets, torch.stack(units))
        rows = slice(fake.shape[-2] // 2, None) if config.known_pixels == "copied" else slice(None)
        fake_lower = lower_half(fake)
        terms = {
            "l1": F.l1_loss(fake[..., rows, :], targets[..., rows, :].expand_as(fake[..., rows, :])),
            "gan": adversarial_loss(self.discriminator(fake_lower.flatten(0, 2))),
            "store": memory_store_loss(lips, memory.read(by_lips)),
            "align": memory_align_loss(by_lips, by_audio),
            **self._sync_terms(batch, frames, fake_lower, lips),
        }
        weights = {
            "l1": config.l1_weight,
            "gan": config.gan_weight,
            "store": config.store_weight,
            "align": config.align_weight,
            "audio_visual": config.audio_visual_weight,
            "visual_visual": config.visual_visual_weight,
        }
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return {"loss": loss, **terms}, lower_half(targets).flatten(0, 1), fake_lower.flatten(0, 2)

    def generate(self, batch: Batch, targets: Tensor) -> Tensor:
        """Generates the target frames of a batch from audio, through what it recalls; see `LipToFaceStage.generate`."""
        audio = self.model.audio_at(batch["mel"], batch["first"], targets.shape[1])
        units = self.model.joined(self.model.recalled(audio), audio)
        return self._frames(batch, targets, units[None])[0]

    def lip_features(self, lower_faces: Tensor) -> Tensor:
        """Lip features of frames with two on either side: float (B, S + 4, 3, 64, 128) -> float32 (B, S, D)."""
        lips: Tensor = LIP_SCALE * self.expert.visual(lower_faces)
        return lips

    def validate(self, step: int) -> dict[str, float]:
        """Those of all generators, and the fields of `MemoryUse`."""
        metrics = super().validate(step)
        lips, audio = [], []
        for batch in self._validation.clip_batches():
            counted = batch["counted"]
            with self.autocast():
                features = self.model.audio(batch["mel"])
            lips.append(LIP_SCALE * batch["lips"][counted])
            audio.append(features[counted])
        return {**metrics, **asdict(memory_use(self.model.memory, torch.cat(lips), torch.cat(audio)))}

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """Those of all generators, and what `memory_use` names."""
        return [
            *super().diagnose(train, val, step, is_last=is_last),
            *memory_diagnoses(self.config, val, step),
        ]

    def description(self) -> dict[str, Any]:
        """Size of the crops, and the median speech level of the audio."""
        return {
            "crop_px": self.model.generator.crop_px,
            "speech_level": median_speech_level(self._window_sampler.source),
        }

    def _frames(self, batch: Batch, targets: Tensor, units: Tensor) -> Tensor:
        """Frames of the generations: units (G, B, S, D) -> (G, B, S, 3, 128, 128), RGB in [0, 1]."""
        num_samples, num_targets = targets.shape[:2]
        shown = [to_float_frames(batch["reference"])[:, None].expand_as(targets), targets]
        reference, prior = (frames[None].expand(len(units), *frames.shape).flatten(0, 2) for frames in shown)
        generated = self.model.generate(reference, prior, units.flatten(0, 2))
        return generated.view(len(units), num_samples, num_targets, *generated.shape[1:])

    def _sync_terms(
        self, batch: Batch, frames: Tensor, fake_lower: Tensor, lips: Tensor
    ) -> dict[str, Tensor]:
        """The sync losses once they are enabled, of windows alone; unweighted scalars, lower is better.

        Args:
            batch: see `draw`.
            frames: (B, S + 4, 3, 128, 128), RGB in [0, 1]: the targets with two real frames on either side.
            fake_lower: (G, B, S, 3, 64, 128), RGB in [0, 1].
            lips: (B, S, D), lip features of the targets.
        """
        if not self.sync_is_on or frames.shape[1] == WINDOW_FRAMES:  # single frames
            return {}
        real = lower_half(frames).expand(len(fake_lower), *lower_half(frames).shape)
        mixed = torch.cat([real[:, :, :CONTEXT_FRAMES], fake_lower, real[:, :, -CONTEXT_FRAMES:]], dim=2)
        generated = self.lip_features(mixed.flatten(0, 1)).view(*mixed.shape[:2], *lips.shape[1:])
        with torch.no_grad():
            audio = self.expert.audio(_mel_around(batch["mel"], batch["first"], lips.shape[1]))
        return {
            "audio_visual": wav2lip_sync_loss(generated, audio.expand_as(generated)),
            "visual_visual": F.l1_loss(generated, lips.expand_as(generated)),
        }


def _mel_around(mel: Tensor, first: Tensor, num_frames: int) -> Tensor:
    """Mel of the targets with two frames on either side, which samples of windows have: (B, 80, 4 (S + 4))."""
    columns = torch.arange(MELS_PER_FRAME * (num_frames + 2 * CONTEXT_FRAMES), device=mel.device)
    columns = columns + MELS_PER_FRAME * (first[:, None] - CONTEXT_FRAMES)
    return mel.gather(2, columns[:, None].expand(-1, mel.shape[1], -1))
