"""Held-out metrics of `pc_avs`, and known ways in which its training goes wrong.

The pose comes from the frame that is to be generated, so its mouth can leak through the pose code: then the generated mouths
follow the pose frames instead of the audio. The test is another clip's audio over a clip's pose frames: F_v's units of the
generated mouths are compared with those of the pose frames and with those of the frames that the audio belongs to. Every
sample stands once on either side, so that what a still mouth is like cancels out.

Legend: B samples, S target frames, L video frames of audio, W = S - 4 windows of generated frames alone, D = 512.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.precision import autocast
from cals_models.training.clip_units import units_at
from cals_models.training.clip_windows import lower_half
from cals_models.training.generator_diagnosis import mouth_diagnoses, plateau_diagnoses, train_diagnoses
from cals_models.training.generator_validation import GeneratorValidation
from cals_models.training.stage import Batch, Diagnosis

LEAST_LIKENESS = 0.05
ROUNDING = 1 / (12 * 255**2)


class PcAvsValidation(GeneratorValidation):
    """f_phi's held-out metrics, and the leak through the pose code.

    Args:
        shard_sets: the split `val` of the first one validates.
        config: of the method.
        world: where to compute.
        expert: the frozen sync encoder, on the world's device.

    Raises:
        ValueError: no clip of the split has a sample.
    """

    def metrics(self, generate: Callable[[Batch, Tensor], Tensor]) -> dict[str, float]:
        """Means over all samples, see `GeneratorValidation.metrics`; besides:

        - pose_side_own, pose_side_other: how much more generated mouths are like those of the pose frames than like those of
          the frames that the other clip's audio belongs to; with their own audio, and with the other clip's.
        - pose_gain: dB of PSNR in the upper half that the pose of the true frames brings over that of the identity frame.
        - mouth_leak: 0 where the second is the negative of the first, since the mouths follow the audio; 1 where both are
          the same, since they follow the pose frames whatever the audio.
        """
        found = super().metrics(generate)
        return {**found, "mouth_leak": mouth_leak(found["pose_side_own"], found["pose_side_other"])}

    def _metrics_of(
        self, generate: Callable[[Batch, Tensor], Tensor], batch: Batch, other: Batch
    ) -> dict[str, float]:
        kept: list[Tensor] = []

        def keeping(given: Batch, targets: Tensor) -> Tensor:
            kept.append(generate(given, targets))
            return kept[-1]

        found = super()._metrics_of(keeping, batch, other)
        with autocast(self._device, self._precision):
            own, with_other = (self._expert.visual(lower_half(frames)) for frames in kept)
        frames = to_float_frames(batch["frames"])
        targets = frames[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
        with autocast(self._device, self._precision):
            still = generate(batch, to_float_frames(batch["reference"])[:, None].expand_as(targets))
        return {
            **found,
            "pose_gain": upper_gain(kept[0], still, targets),
            "pose_side_own": (likeness(own, batch) - likeness(own, other)).item(),
            "pose_side_other": (likeness(with_other, batch) - likeness(with_other, other)).item(),
        }


def upper_gain(frames: Tensor, others: Tensor, targets: Tensor) -> float:
    """How much nearer to the targets some frames are in their upper half than others: 10 log10 of their errors' ratio, dB.

    Args:
        frames, others, targets: float (B, S, 3, H, W), RGB in [0, 1]; errors below those of 8-bit rounding count as that.
    """
    errors = [
        (some - targets).chunk(2, dim=3)[0].square().mean().clamp_min(ROUNDING) for some in (frames, others)
    ]
    return 10 * (errors[1] / errors[0]).log10().item()


def mouth_leak(pose_side_own: float, pose_side_other: float) -> float:
    """How far generated mouths follow the pose frames instead of the audio: 0 not at all, 1 alone.

    Mouths that follow nothing leak nothing: `pose_side_own` below 0.05 counts as 0.05.

    Example:
        >>> mouth_leak(0.4, -0.4), mouth_leak(0.4, 0.4), mouth_leak(0.4, 0.0)
        (0.0, 1.0, 0.5)
    """
    share = (pose_side_own + pose_side_other) / (2 * max(pose_side_own, LEAST_LIKENESS))
    return min(1.0, max(0.0, share))


def likeness(lips: Tensor, sample: Batch) -> Tensor:
    """How much more generated mouths are like those of their moments in a clip than like those of all its frames.

    Args:
        lips: F_v's units of windows of generated frames alone, float32 (B, W, D), of length 1; the first is two frames after
            the samples' first target.
        sample: lips float32 (B, L, D), F_v's units of a clip's frames; first int64 (B,); counted bool (B, L).

    Returns:
        Mean difference of the cosines, a scalar.
    """
    at_their_moment = units_at(sample["lips"], sample["first"] + CONTEXT_FRAMES, lips.shape[1])
    counted = sample["counted"][..., None]
    anywhere = (sample["lips"] * counted).sum(1, keepdim=True) / counted.sum(1, keepdim=True)
    return (lips * (at_their_moment - anywhere)).sum(-1).mean()


def diagnoses(
    config: PcAvsConfig,
    train: Mapping[str, float],
    val: Mapping[str, float],
    step: int,
    *,
    nearness: Mapping[int, float],
) -> list[Diagnosis]:
    """What the newest metrics show: `dead_discriminator`, `ignores_audio`, `copies_reference`, `ignores_pose`,
    `mouth_leaks_through_pose`, and from the nearness at each validation, given after the last one, `not_at_plateau`."""
    found = [
        *train_diagnoses(config, train, step),
        *mouth_diagnoses(config, val, step),
        *plateau_diagnoses(config, nearness),
    ]
    is_late = step >= config.steps // 2
    if val and is_late and val["pose_gain"] < config.min_pose_gain_db:
        found.append(
            Diagnosis(
                name="ignores_pose",
                text=f"the pose of the true frames brings {val['pose_gain']:.2f} dB of PSNR in the upper half over that of the"
                " identity frame: generated heads stay as they are; train longer, lower perspective_jitter and scale_jitter",
            )
        )
    if val and is_late and val["mouth_leak"] > config.max_mouth_leak:
        found.append(
            Diagnosis(
                name="mouth_leaks_through_pose",
                text=f"generated mouths follow those of the pose frames by {val['mouth_leak']:.2f} and the audio for the"
                " rest: set pose_from to near_pose, raise word_weight or mouth_driven_share",
            )
        )
    return found
