"""Training of f_phi with its audio path and the discriminator, for one method.

Source: L = l1 L_recon + l2 L_gan + l3 L_sync of CALS (arXiv 2305.19556); weights of SyncTalkFace (arXiv 2211.00924);
Wav2Lip's sync loss (arXiv 2008.10010). A sample is S consecutive target frames with two real frames on either side, so
that each target has a 5-frame window of F_v, and another frame of the clip as the reference. The sync losses of all methods
are enabled by one rule: once generated mouths have left the reference's. L_recon is the mean over the rows that are generated: only the lower half where the known rows are copied.

Legend: B samples, S target frames, L video frames of audio, P side of a crop, D = 512.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.losses import adversarial_loss
from cals_models.mel_windows import CONTEXT_FRAMES, WINDOW_FRAMES
from cals_models.methods.lip_to_face import LipToFaceMethod
from cals_models.methods.registry import method_of
from cals_models.networks.audio_to_lip import AudioToLip
from cals_models.networks.discriminator import LowerFaceDiscriminator
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.generator_files import continue_from
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.model_files import load_network, read_model
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.precision import place
from cals_models.shards.crop_sizes import common_crop_px
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_units import audio_units, clip_units, lip_units
from cals_models.training.clip_windows import lower_half, median_speech_level
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.generator_samples import SampleDrawer
from cals_models.training.generator_validation import GeneratorValidation
from cals_models.training.job import TrainingJob
from cals_models.training.lip_to_face import LipToFaceStage
from cals_models.training.sampler import BatchSampler, sampler_of, train_source
from cals_models.training.stage import Batch, build_optimizer
from cals_models.training.sync_losses import SYNC_TERMS, Keys


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "GeneratorStage":
    """The stage of a job. Its expert is the trained sync encoder; its audio path starts from the trained f_theta.

    Where the job names a trained generator, generator and audio path continue from its weights.

    Raises:
        ValueError: an input model or a shard set cannot be used.
    """
    assert isinstance(job.config, GeneratorConfig) and job.method is not None
    expert = load_sync_encoder(job.inputs["sync_encoder"])
    seed_step(job.config.seed, -1, 0)
    audio_config: AudioToLipConfig | None = None
    if "audio_to_lip" in job.inputs:
        audio_model = read_model(job.inputs["audio_to_lip"], "audio_to_lip")
        assert isinstance(audio_model.config, AudioToLipConfig)
        audio_config = audio_model.config
    crop_px = common_crop_px(shard_sets)
    model = LipSync(job.method, job.config, audio_config, crop_px)
    if audio_config is not None:
        load_network(model.audio, audio_model.weights.get("audio_to_lip", {}), str(audio_model.folder))
    if "generator" in job.inputs:
        networks = {"generator": model.generator, "audio": model.audio}
        continue_from(job.inputs["generator"], job.method, networks, crop_px)
    return GeneratorStage(job.method, job.config, audio_config, world, shard_sets, model, expert)


class GeneratorStage(LipToFaceStage):
    """Trains a LipSync against a LowerFaceDiscriminator and a frozen SyncEncoder."""

    def __init__(
        self,
        method: str,
        config: GeneratorConfig,
        audio_to_lip_config: AudioToLipConfig | None,
        world: World,
        shard_sets: Sequence[ShardSet],
        model: LipSync,
        expert: SyncEncoder,
    ) -> None:
        super().__init__()
        self.config: GeneratorConfig = config
        self.world = world
        self.sync_losses = method_of(method, LipToFaceMethod).sync_losses
        self._audio_to_lip_config = audio_to_lip_config
        self.model, self.expert = model, expert
        seed_step(config.seed, -2, 0)
        self.discriminator = LowerFaceDiscriminator(config.discriminator_width, model.generator.crop_px)
        for network in (self.model.generator, self.model.audio, self.discriminator, self.expert):
            place(network, world.device, config)
        self._trains_audio = audio_to_lip_config is None or config.finetune_audio_to_lip
        self.model.audio.requires_grad_(self._trains_audio)
        self.networks = {
            "generator": model.generator,
            "audio": model.audio,
            "discriminator": self.discriminator,
        }
        self.exported = ("generator", "audio")
        self.optimizers = self._build_optimizers()
        self.sync_is_on = config.sync_switch_on_nearness == 0
        self._window_sampler, self._single_sampler = self._build_samplers(shard_sets)
        self._validation = GeneratorValidation(shard_sets, config, world, self.expert)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update of the generator, then one of the discriminator; f_theta is frozen in those of single frames."""
        if self._trains_audio and isinstance(self.model.audio, AudioToLip):
            self.model.audio.requires_grad_(not self.is_single(step))
        return super().train_step(batches, step)

    def generator_losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The generator's loss on a batch.

        Args:
            batch: see `draw`.

        Returns:
            All terms and their weighted sum `loss`, scalars; the real and the generated lower halves, each
            (B S, 3, P / 2, P), RGB in [0, 1].
        """
        config = self.config
        frames = to_float_frames(batch["frames"])
        targets = frames[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        fake = self.generate(batch, targets)
        rows = slice(fake.shape[-2] // 2, None) if config.known_pixels == "copied" else slice(None)
        real_lower, fake_lower = lower_half(targets), lower_half(fake)
        terms = {
            "l1": F.l1_loss(fake[..., rows, :], targets[..., rows, :]),
            "gan": adversarial_loss(self.discriminator(fake_lower.flatten(0, 1))),
            **self.sync_terms(batch, frames, fake_lower),
        }
        weights = {"l1": config.l1_weight, "gan": config.gan_weight, **self._sync_weights()}
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return {"loss": loss, **terms}, real_lower.flatten(0, 1), fake_lower.flatten(0, 1)

    def generate(self, batch: Batch, targets: Tensor) -> Tensor:
        """Generates the target frames of a batch.

        Args:
            batch: see `draw`.
            targets: (B, S, 3, P, P), RGB in [0, 1]; only their pose prior, the upper half, is used.

        Returns:
            (B, S, 3, P, P), RGB in [0, 1], float32.
        """
        num_samples, num_targets = targets.shape[:2]
        if "units" in batch:
            units = batch["units"]
        else:
            units = self.model.units_at(batch["mel"], batch["first"], num_targets, batch["num_valid"])
        reference = to_float_frames(batch["reference"])[:, None].expand_as(targets)
        frames = self.model.generate(reference.flatten(0, 1), targets.flatten(0, 1), units.flatten(0, 1))
        return frames.view(num_samples, num_targets, *frames.shape[1:])

    def sync_terms(self, batch: Batch, frames: Tensor, fake_lower: Tensor) -> dict[str, Tensor]:
        """The method's sync losses once they are enabled. A window of F_v holds generated targets and, at its ends, real frames.

        Args:
            batch: see `draw`.
            frames: (B, S + 4, 3, P, P), RGB in [0, 1]: the targets with two real frames on either side.
            fake_lower: (B, S, 3, P / 2, P), RGB in [0, 1]: lower halves of the generated targets.

        Returns:
            Name -> scalar, unweighted; lower is better.
        """
        if not self.sync_is_on or frames.shape[1] == WINDOW_FRAMES:  # single frames
            return {}
        real = lower_half(frames)
        mixed = torch.cat([real[:, :CONTEXT_FRAMES], fake_lower, real[:, -CONTEXT_FRAMES:]], dim=1)
        lips = self.expert.visual(mixed)
        return {
            name: SYNC_TERMS[name].loss(lips, self._keys(batch, SYNC_TERMS[name].target), self.config)
            for name in self.sync_losses
        }

    def _keys(self, batch: Batch, target: Literal["audio", "lips"]) -> Keys:
        if target in batch:
            units = batch[target]
        elif target == "audio":
            units = audio_units(self.expert, batch["mel"])
        else:
            units = lip_units(self.expert, batch["lower_frames"])
        return Keys(units=units, first=batch["first"], counted=batch["counted"])

    def description(self) -> dict[str, Any]:
        """Size of the crops, f_theta's settings (without them the audio path can't be built), median speech level of the audio."""
        config = self._audio_to_lip_config
        return {
            "crop_px": self.model.generator.crop_px,
            "audio_to_lip": None if config is None else asdict(config),
            "speech_level": median_speech_level(self._window_sampler.source),
        }

    def _sync_weights(self) -> dict[str, float]:
        return {name: SYNC_TERMS[name].weight(self.config) for name in self.sync_losses}

    def _build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        generator = build_optimizer([self.model.generator], self.config)
        share = 1.0 if self._audio_to_lip_config is None else self.config.audio_to_lip_learning_rate_share
        trained = [parameter for parameter in self.model.audio.parameters() if parameter.requires_grad]
        if trained:
            generator.add_param_group({"params": trained, "weight_decay": 0.0, "learning_rate_share": share})
        return {"generator": generator, "discriminator": build_optimizer([self.discriminator], self.config)}

    def _build_samplers(self, shard_sets: Sequence[ShardSet]) -> tuple[BatchSampler, BatchSampler]:
        """Batches of windows, and of single frames: as many frames, each a sample of its own."""
        config = self.config
        source = train_source(shard_sets, config)
        keys = {
            clip.key: clip_units(self.expert, clip, self.world.device, config.precision)
            for clip in source.in_memory
        }
        known = source.in_memory if config.single_frame_share else ()
        units = {
            clip.key: self._frozen_units(clip) for clip in known if isinstance(self.model.audio, AudioToLip)
        }
        drawer = SampleDrawer(source, config, keys, units, augment=True)
        return (
            sampler_of(source, drawer.window, config, self.world),
            sampler_of(source, drawer.single, config, self.world, times=config.target_frames),
        )

    @torch.no_grad()
    def _frozen_units(self, clip: ShardClip) -> npt.NDArray[np.float32]:
        """f_theta's units (T, 512) before it is trained along."""
        self.model.audio.eval()
        with self.autocast():
            units = self.model.units(torch.from_numpy(clip.mel)[None].to(self.world.device))
        self.model.audio.train()
        known: npt.NDArray[np.float32] = units[0].float().cpu().numpy()
        return known
