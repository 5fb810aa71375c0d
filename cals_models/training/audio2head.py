"""Training of Audio2Head: first the animator on pairs of frames, then audio to keypoints with the animator frozen.

Source: Wang et al., IJCAI 2021; First Order Motion Model (Siarohin et al., NeurIPS 2019). In the first part the reader of
head poses is trained beside the animator, on poses that PnP finds in the landmarks. In the second part both are frozen, and
what they find in the frames is the target: keypoints, Jacobians, poses.

Legend: B samples, L frames of a window, K keypoints, H = W crop size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd import backward

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.networks.audio2head import Audio2Head
from cals_models.networks.audio2head_keypoints import NUM_KEYPOINTS, Keypoints
from cals_models.networks.audio2head_pose import POSE_DIMS
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.generator_files import continue_from
from cals_models.precision import place
from cals_models.shards.crop_sizes import common_crop_px
from cals_models.shards.shard_set import ShardSet
from cals_models.training.audio2head_diagnosis import audio2head_diagnoses
from cals_models.training.audio2head_losses import (
    draw_affines,
    equivariance,
    pose_difference,
    pyramid_l1,
    sequence_l1,
    transform_frames,
)
from cals_models.training.audio2head_samples import Audio2HeadSamples
from cals_models.training.audio2head_validation import Audio2HeadValidation
from cals_models.training.clip_windows import median_speech_level
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.job import TrainingJob
from cals_models.training.sampler import BatchSampler, sampler_of, train_source
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer

FRAMES_AT_ONCE = 75


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "Audio2HeadStage":
    """The stage of a job. Where the job names a trained model, all its networks continue from their weights.

    Raises:
        ValueError: the named model or a shard set cannot be used, or no clip of the split val is as long as a window.
    """
    assert isinstance(job.config, Audio2HeadConfig)
    stage = Audio2HeadStage(job.config, world, shard_sets)
    if "generator" in job.inputs:
        continue_from(job.inputs["generator"], str(job.method), stage.networks, stage.model.animator.crop_px)
    return stage


class Audio2HeadStage(TrainingStage):
    """Trains an Audio2Head in two parts."""

    best_metric: ClassVar[str] = "audio_gain"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: Audio2HeadConfig, world: World, shard_sets: Sequence[ShardSet]) -> None:
        self.config: Audio2HeadConfig = config
        self.world = world
        seed_step(config.seed, -1, 0)
        self.model = Audio2Head(config, common_crop_px(shard_sets))
        self.networks = {
            "animator": self.model.animator,
            "reader": self.model.reader,
            "motion": self.model.motion,
        }
        for name in ("animator", "reader"):
            place(self.networks[name], world.device, config)
        self.model.motion.to(
            world.device
        )  # its volumes have five dimensions, for which channels-last is another layout
        self.exported = tuple(self.networks)
        self.optimizers = {
            "animator": build_optimizer([self.model.animator, self.model.reader], config),
            "motion": build_optimizer([self.model.motion], config),
        }
        self._source = train_source(shard_sets, config)
        self._observed: Tensor | None = None
        counts = [clip.num_frames for clip in self._source.in_memory]
        firsts = np.cumsum([0, *counts])[:-1].tolist()
        first_rows = {clip.key: row for clip, row in zip(self._source.in_memory, firsts, strict=True)}
        samples = Audio2HeadSamples(self._source, config.window_frames, first_rows)
        self._pairs = sampler_of(self._source, samples.pair, config, world)
        self._windows = BatchSampler(
            self._source,
            samples.window,
            batch_samples=config.window_samples,
            samples_per_clip=1,
            seed=config.seed,
            world=world,
        )
        self._validation = Audio2HeadValidation(shard_sets, config, world)
        self._copied_metrics: dict[str, float] = {}
        self._nearness: dict[int, float] = {}

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number: pairs in the first part, windows in the second; see `Audio2HeadSamples`."""
        first_windows = self.config.animator_steps * self.config.accumulate_batches
        if batch_number < first_windows:
            return self._pairs.draw(batch_number)
        return self._windows.draw(batch_number - first_windows)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update of the animator, or of what follows it."""
        steps = self.config.animator_steps
        if "mel" not in batches[0]:
            rate = learning_rate(step, replace(self.config, steps=max(2, steps)))
            return self._update("animator", batches, self.animator_losses, rate)
        second = replace(self.config, steps=max(2, self.config.steps - steps))
        rate = learning_rate(step - steps, second, peak=self.config.motion_learning_rate)
        return self._update("motion", batches, self.motion_losses, rate)

    def _update(self, name: str, batches: Sequence[Batch], losses: Any, rate: float) -> dict[str, Tensor]:
        terms: list[dict[str, Tensor]] = []
        for batch in batches:
            with self.autocast():
                found = losses(batch)
            backward(found["loss"] / len(batches))
            terms.append({key: value.detach() for key, value in found.items()})
        norm = apply_gradients(
            self.optimizers[name], learning_rate=rate, config=self.config, world=self.world
        )
        means = {key: torch.stack([term[key] for term in terms]).mean() for key in terms[0]}
        return {**means, "gradient_norm": norm, "part_learning_rate": torch.tensor(rate, device=norm.device)}

    def animator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Reconstruction of the second frame of each pair from the first, equivariance, and the reader's error.

        Args:
            batch: frames uint8 (B, 2, H, W, 3), poses float32 (B, 2, 6).

        Returns:
            All terms, unweighted, and their weighted sum `loss`: scalars.
        """
        config = self.config
        frames = to_float_frames(batch["frames"])
        source, driving = frames[:, 0], frames[:, 1]
        found = self.model.animator.detect(source)
        wanted = self.model.animator.detect(driving)
        drawn = self.model.draw(source, found, wanted)
        affines = draw_affines(len(driving), driving.device)
        moved = self.model.animator.detect(transform_frames(driving, affines))
        points, jacobians = equivariance(wanted, moved, affines)
        read = self.model.reader(frames.flatten(0, 1))
        terms = {
            "pyramid_l1": pyramid_l1(drawn, driving, config.mouth_weight),
            "equivariance": points,
            "jacobian_equivariance": jacobians,
            "reader_error": pose_difference(read, batch["poses"].flatten(0, 1)).abs().mean(),
        }
        weights = {
            "pyramid_l1": config.pyramid_weight,
            "equivariance": config.equivariance_weight,
            "jacobian_equivariance": config.jacobian_equivariance_weight,
            "reader_error": config.pose_weight,
        }
        return {"loss": torch.stack([weights[name] * term for name, term in terms.items()]).sum(), **terms}

    def motion_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Distance of predicted keypoints and poses from what animator and reader find in the frames.

        Args:
            batch: see `Audio2HeadSamples.window_at`.

        Returns:
            All terms, unweighted, and their weighted sum `loss`: scalars.
        """
        config = self.config
        numbers = self._observed_in(batch)
        found, wanted = Keypoints.from_flat(numbers[:, 0, :-1]), Keypoints.from_flat(numbers[:, 1:, :-1])
        poses = numbers[..., -1, :]
        image = to_float_frames(batch["image"])
        own = self.model.predict_poses(batch["mel"], image, poses[:, 0])
        predicted = self.model.predict_keypoints(batch["mel"], image, poses[:, 0], found, poses[:, 1:])
        terms: dict[str, Tensor] = {}
        loss = torch.zeros((), device=image.device)
        for name, given, target, weight in (
            ("keypoint", predicted.points, wanted.points, config.keypoint_weight),
            ("jacobian", predicted.jacobians, wanted.jacobians, config.jacobian_weight),
            ("pose", pose_difference(own, poses[:, 1:]), torch.zeros_like(own), config.pose_weight),
        ):
            error, velocity_error = sequence_l1(given, target)
            terms |= {f"{name}_error": error, f"{name}_velocity_error": velocity_error}
            loss = loss + weight * (error + config.velocity_weight * velocity_error)
        return {"loss": loss, **terms}

    def _observed_in(self, batch: Batch) -> Tensor:
        """Keypoints and pose of image and window's frames: float32 (B, L + 1, K + 1, 6), the pose in the last row."""
        if "frames" in batch:
            return self._observe(batch["frames"].flatten(0, 1)).view(
                *batch["frames"].shape[:2], -1, POSE_DIMS
            )
        if self._observed is None:
            self._observed = torch.cat(
                [
                    self._observe(torch.from_numpy(self._source.frames(clip, range(clip.num_frames))))
                    for clip in self._source.in_memory
                ]
            )
        return self._observed[batch["rows"]]

    @torch.no_grad()
    def _observe(self, frames: Tensor) -> Tensor:
        """What the frozen animator and reader find in frames uint8 (N, H, W, 3): float32 (N, K + 1, 6)."""
        seen = []
        for first in range(0, len(frames), FRAMES_AT_ONCE):
            some = frames[first : first + FRAMES_AT_ONCE]
            with self.autocast():
                keypoints, poses = self.model.observe(to_float_frames(some.to(self.world.device)))
            seen.append(torch.cat([keypoints.flat(), poses[:, None]], dim=1))
        observed = torch.cat(seen)
        assert observed.shape[1:] == (NUM_KEYPOINTS + 1, POSE_DIMS)
        return observed

    def validate(self, step: int) -> dict[str, float]:
        """Quality of animator, keypoints and poses on fixed held-out windows, with their own audio and another clip's."""
        metrics = self._validation.metrics(self.model)
        if step > self.config.animator_steps:
            self._nearness[step] = metrics["reference_nearness"]
        return metrics

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Keeps the metrics of the image shown unchanged."""
        self._copied_metrics = {
            name.removeprefix("copy_"): value for name, value in metrics.items() if name.startswith("copy_")
        }

    def chance(self) -> dict[str, float]:
        """The metrics of the image, shown unchanged."""
        return self._copied_metrics

    def samples(self) -> dict[str, bytes]:
        """A row a sample: image, moved by the frame's own keypoints, by the audio with the true and its own pose, true frame."""
        return self._validation.preview()

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`clips_without_window`, and what `audio2head_diagnosis` names."""
        nearness = self._nearness if is_last else {}
        return [*self._windows.diagnose(), *audio2head_diagnoses(self.config, val, step, nearness)]

    def state(self) -> dict[str, Any]:
        """The nearness at each validation."""
        return {"nearness": dict(self._nearness)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        self._nearness = dict(state["nearness"])

    def description(self) -> dict[str, Any]:
        """The crops' size, and the median speech level of the audio."""
        return {
            "crop_px": self.model.animator.crop_px,
            "speech_level": median_speech_level(self._source),
        }
