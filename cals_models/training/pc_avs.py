"""Training of `pc_avs`: encoders and modulated generator against a discriminator of whole crops.

Source: PC-AVS (arXiv 2104.11116). A sample is one target frame. It is generated from an identity frame of another moment, the
pose code of a frame, and either the target's mouth code or its audio's code, which a softmax contrast and an L1 hold
together. Driving frames, of which mouth and pose codes are taken, are changed in colour, perspective and scale, so that
neither can carry who is shown. Gradients of samples that the audio drives stop at the pose code: it never learns to
bring what the audio does not tell. Where clips have words, a classifier looks for them in pose codes, which are trained to
give it nothing. With several processes each contrasts its own samples.

Legend: N samples, of which M are driven by the mouth code; B held-out samples, S frames each; D = 512.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import backward

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.config.pc_avs import PcAvsConfig
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.losses import adversarial_loss, discriminator_loss
from cals_models.mel_windows import mel_windows, pad_windows
from cals_models.networks.crop_discriminator import CropDiscriminator
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.generator_files import continue_from
from cals_models.networks.model_files import load_network, read_model
from cals_models.networks.pc_avs import POSE_DIM, Codes, PcAvs
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.precision import place
from cals_models.shards.crop_sizes import common_crop_px
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_labels import SPEAKER_CLASSES, WORD_CLASSES
from cals_models.training.clip_windows import median_speech_level
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.job import TrainingJob
from cals_models.training.pc_avs_diagnosis import PcAvsValidation, diagnoses
from cals_models.training.pc_avs_losses import (
    feature_matching,
    known_cross_entropy,
    modal_contrast,
    pyramid_l1,
    word_information,
)
from cals_models.training.pc_avs_samples import PcAvsSampleDrawer
from cals_models.training.perspective import warp
from cals_models.training.sampler import sampler_of, train_source
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "PcAvsStage":
    """The stage of a job. Its audio encoder starts from the trained F_a; the sync encoder also tells held-out mouths apart.

    Where the job names a trained generator, all but the discriminator and the classifiers continues from its weights.

    Raises:
        ValueError: an input model or a shard set cannot be used.
    """
    assert isinstance(job.config, PcAvsConfig)
    files = read_model(job.inputs["sync_encoder"], "sync_encoder")
    assert isinstance(files.config, SyncEncoderConfig)
    expert = load_sync_encoder(job.inputs["sync_encoder"])
    seed_step(job.config.seed, -1, 0)
    crop_px = common_crop_px(shard_sets)
    model = PcAvs(job.config, files.config, crop_px=crop_px)
    load_network(model.audio, expert.audio.state_dict(), str(files.folder))
    if "generator" in job.inputs:
        continue_from(job.inputs["generator"], str(job.method), {"pc_avs": model}, crop_px)
    return PcAvsStage(job.config, files.config, world, shard_sets, model, expert)


class PcAvsStage(TrainingStage):
    """Trains a PcAvs against a CropDiscriminator."""

    best_metric: ClassVar[str] = "audio_gain"
    higher_is_better: ClassVar[bool] = True

    def __init__(
        self,
        config: PcAvsConfig,
        audio_config: SyncEncoderConfig,
        world: World,
        shard_sets: Sequence[ShardSet],
        model: PcAvs,
        expert: SyncEncoder,
    ) -> None:
        self.config: PcAvsConfig = config
        self.world = world
        self._audio_config = audio_config
        self.model, self.expert = model, expert
        seed_step(config.seed, -2, 0)
        self.discriminator = CropDiscriminator(config.discriminator_width)
        self.speakers = nn.Linear(UNIT_DIM, SPEAKER_CLASSES)
        self.words = nn.Sequential(nn.Linear(POSE_DIM, 128), nn.ReLU(), nn.Linear(128, WORD_CLASSES))
        self.networks = {
            "pc_avs": self.model,
            "speakers": self.speakers,
            "discriminator": self.discriminator,
            "words": self.words,
        }
        for network in (*self.networks.values(), self.expert):
            place(network, world.device, config)
        self.exported = ("pc_avs",)
        self.optimizers = self._build_optimizers()
        source = train_source(shard_sets, config)
        self._sampler = sampler_of(source, PcAvsSampleDrawer(source, config).single, config, world)
        self._validation = PcAvsValidation(shard_sets, config, world, self.expert)
        self._copied_metrics: dict[str, float] = {}
        self._nearness: dict[int, float] = {}

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number.

        Returns:
            Arrays of `PcAvsSampleDrawer.single` with a first axis N.
        """
        return self._sampler.draw(batch_number)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update of encoders and generator, then one each of the discriminator and the words' classifier."""
        for network in (self.discriminator, self.words):
            network.requires_grad_(False)
        terms: list[dict[str, Tensor]] = []
        kept: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for batch in batches:
            with self.autocast():
                losses, fake, pose = self.generator_losses(batch)
            backward(losses["loss"] / len(batches))
            terms.append({name: loss.detach() for name, loss in losses.items()})
            kept.append((to_float_frames(batch["target"]), fake.detach(), pose.detach(), batch["word"]))
        norm = self._apply("pc_avs", step, self.config.learning_rate)
        for network in (self.discriminator, self.words):
            network.requires_grad_(True)
        for real, fake, pose, word in kept:
            with self.autocast():
                judged = discriminator_loss(self.discriminator(real)[0], self.discriminator(fake)[0])
                found = known_cross_entropy(self.words(pose), word)
            backward((judged + found) / len(kept))
            terms.append({"discriminator_loss": judged.detach(), "word_loss": found.detach()})
        for name in ("discriminator", "words"):
            self._apply(name, step, self.config.discriminator_learning_rate)
        names = {name for term in terms for name in term}
        means = {name: torch.stack([term[name] for term in terms if name in term]).mean() for name in names}
        return {**means, "gradient_norm": norm}

    def generator_losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The loss of encoders and generator on a batch.

        Args:
            batch: see `draw`.

        Returns:
            All terms and their weighted sum `loss`, scalars; the generated frames (N, 3, 128, 128), RGB in [0, 1]; the
            pose codes (N, 12).
        """
        config = self.config
        target, frames = (to_float_frames(batch[name]) for name in ("target", "identity"))
        mouth, pose = self._driving_codes(batch)
        identity = self.model.identity_of(frames)
        audio = self.model.audio_of(batch["mel"])[:, 0]
        driven = round(config.mouth_driven_share * len(target))
        codes = Codes(
            identity=replace(identity, pose=_learned_from(identity.pose, driven)),
            speech=torch.cat([mouth[:driven], audio[driven:]]),
            pose=_learned_from(pose, driven),
        )
        fake = self.model.generate(codes)
        logits, features = self.discriminator(fake)
        with torch.no_grad():
            real_features = self.discriminator(target)[1]
        terms = {
            "pyramid_l1": pyramid_l1(fake, target, lower_half_weight=config.lower_half_weight),
            "gan": adversarial_loss(logits),
            "feature_matching": feature_matching(features, real_features),
            "contrast": modal_contrast(mouth, audio, config.contrast_temperature),
            "modal_l1": (mouth - audio.detach()).abs().mean(),
            "speaker": known_cross_entropy(self.speakers(identity.code), batch["speaker"]),
            "word": word_information(self.words(pose), batch["word"]),
        }
        weights = {name: getattr(config, f"{name}_weight") for name in terms}
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return {"loss": loss, **terms}, fake, pose

    def _driving_codes(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mouth codes (N, 512) of the changed target frames, and pose codes (N, 12) of the changed pose frames."""
        names = ("driving", "pose")
        changed = [warp(to_float_frames(batch[name]), batch[f"{name}_change"]) for name in names]
        mouth, pose = self.model.mouth_and_pose(torch.cat(changed))
        return mouth[: len(mouth) // 2], pose[len(pose) // 2 :]

    def generate(self, batch: Batch, targets: Tensor) -> Tensor:
        """Generates held-out frames: identity from the reference, mouth from the audio, pose from the targets.

        Args:
            batch: see `generator_samples.SampleDrawer.window`.
            targets: (B, S, 3, 128, 128), RGB in [0, 1]; only their pose code is used.

        Returns:
            (B, S, 3, 128, 128), RGB in [0, 1], float32.
        """
        num_samples, num_targets = targets.shape[:2]
        reference = to_float_frames(batch["reference"])
        identity = self.model.identity_of(reference)
        rows = torch.arange(num_samples, device=targets.device)
        places = batch["first"][:, None] + torch.arange(num_targets, device=targets.device)
        windows = mel_windows(pad_windows(batch["mel"]))[rows[:, None], places]  # (B, S, 80, 20)
        repeated = rows.repeat_interleave(num_targets)
        codes = Codes(
            identity=identity.rows(repeated),
            speech=self.model.audio_of(windows.flatten(0, 1))[:, 0],
            pose=self.model.mouth_and_pose(targets.flatten(0, 1))[1],
        )
        frames = self.model.generate(codes)
        return frames.view(num_samples, num_targets, *frames.shape[1:])

    def validate(self, step: int) -> dict[str, float]:
        """PSNR and SSIM on fixed held-out samples, the same with another clip's audio, and the leak through the pose."""
        metrics = self._validation.metrics(self.generate)
        self._nearness[step] = metrics["reference_nearness"]
        return metrics

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Keeps the metrics of the reference frame."""
        self._copied_metrics = {
            name.removeprefix("copy_"): value for name, value in metrics.items() if name.startswith("copy_")
        }

    def chance(self) -> dict[str, float]:
        """The metrics of the reference frame, shown unchanged."""
        return self._copied_metrics

    def samples(self) -> dict[str, bytes]:
        """A row a sample: reference, upper half of the target, generated frame, true frame."""
        return self._validation.preview()

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`clips_without_window`, and what `pc_avs_diagnosis` names."""
        return [
            *self._sampler.diagnose(),
            *diagnoses(self.config, train, val, step, nearness=self._nearness if is_last else {}),
        ]

    def state(self) -> dict[str, Any]:
        """The nearness at each validation."""
        return {"nearness": dict(self._nearness)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        self._nearness = dict(state["nearness"])

    def description(self) -> dict[str, Any]:
        """Size of the crops, the sync encoder's settings, like whose F_a the audio encoder is built, and the median speech level."""
        return {
            "crop_px": self.model.crop_px,
            "sync_encoder": asdict(self._audio_config),
            "speech_level": median_speech_level(self._sampler.source),
        }

    def _apply(self, name: str, step: int, peak: float) -> Tensor:
        rate = learning_rate(step, self.config, peak=peak)
        return apply_gradients(
            self.optimizers[name], learning_rate=rate, config=self.config, world=self.world
        )

    def _build_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        parts = [part for name, part in self.model.named_children() if name != "audio"]
        optimizer = build_optimizer([*parts, self.speakers], self.config)
        share = self.config.audio_learning_rate_share
        started = list(self.model.audio.parameters())
        optimizer.add_param_group({"params": started, "weight_decay": 0.0, "learning_rate_share": share})
        return {
            "pc_avs": optimizer,
            "discriminator": build_optimizer([self.discriminator], self.config),
            "words": build_optimizer([self.words], self.config),
        }


def _learned_from(codes: Tensor, num_samples: int) -> Tensor:
    """Codes whose gradient comes from the first samples alone."""
    return torch.cat([codes[:num_samples], codes[num_samples:].detach()])
