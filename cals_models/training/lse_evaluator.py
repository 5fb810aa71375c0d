"""Training of network S, the evaluator behind LSE-D and LSE-C where the public weights are not available.

Contrastive on LSE's own windows, 5 frames and 0.2 s of cepstral coefficients. The audio window of a video window must be
nearer to it than the clip's audio at other moments and than all other audio windows of the batch; the video window of an
audio window must be nearer to it than all others of the batch. The logits are minus the Euclidean distances that LSE
averages, so they need no temperature. The seed is not the sync encoder's: the evaluator is never the network in the loss.

LSE pads the audio with embeddings of zeros, and zero would be nearer to a video window than wrong audio is: lips that
follow no audio would have their least distance in the padding, 15 frames away. Distances between video and audio do not
change when both move by one vector, so a second term moves the last biases of both heads together until a video window is
as far from zero as from wrong audio. It trains nothing else.

Source: Chung & Zisserman 2016 (network, windows); Chung, Chung & Kang 2019, "Perfect match" (matching one window
against many moments of one clip by their distances).
Legend: B video windows of a batch, C audio windows of each, the right one first, D embedding width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.config.lse_evaluator import LseEvaluatorConfig
from cals_models.metrics.lse import (
    MAX_SHIFT_FRAMES,
    MFCCS_PER_FRAME,
    LipSyncEvaluator,
    LseError,
    LseResult,
    mfcc,
)
from cals_models.metrics.lse_weights import NETWORK_NAME
from cals_models.networks.syncnet import INPUT_PX, WINDOW_FRAMES, WINDOW_MFCCS, SyncNet, SyncNetConfig
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import validation_source
from cals_models.training.distributed import World
from cals_models.training.engine import seed_step
from cals_models.training.job import TrainingJob
from cals_models.training.sampler import Sample, train_sampler, window_starts
from cals_models.training.schedule import learning_rate
from cals_models.training.stage import Batch, Diagnosis, TrainingStage, apply_gradients, build_optimizer

_KEPT_MFCCS = 2_048
_BY_CHANCE_WITHIN_1 = 3 / 31
_PLATEAU_SHARE = 0.97


def build_stage(job: TrainingJob, world: World, shard_sets: Sequence[ShardSet]) -> "LseEvaluatorStage":
    """The stage of a job."""
    assert isinstance(job.config, LseEvaluatorConfig)
    return LseEvaluatorStage(job.config, world, shard_sets)


@dataclass(frozen=True)
class Matching:
    """How well a batch's video and audio windows find each other.

    Args:
        loss: scalar, cross-entropy of choosing the right window by distance, the mean of both directions; lower is better.
        retrieval_at_1: scalar, share of video windows whose audio is the nearest of all B C.
        wrong_distances: float32 (B,), mean distance of each video window from wrong audio; no gradient.
    """

    loss: Tensor
    retrieval_at_1: Tensor
    wrong_distances: Tensor


def match(lips: Tensor, audio: Tensor, moments: Tensor) -> Matching:
    """Compares video windows with audio windows.

    Args:
        lips: float (B, D), embeddings of video windows.
        audio: float (B, C, D), embeddings of audio windows: of each row the first belongs to the video window, the others
            are from other moments of its clip.
        moments: int64 (B, C, 2), clip and first frame of each audio window. Windows of one moment are not negatives of
            each other.
    """
    lips = lips.float()
    distances = torch.cdist(lips, audio.flatten(0, 1).float(), compute_mode="donot_use_mm_for_euclid_dist")
    is_same = (moments[:, :1] == moments.flatten(0, 1)).all(dim=2)
    own = torch.arange(len(lips), device=lips.device)
    right = own * audio.shape[1]
    is_right = torch.zeros_like(is_same).scatter_(1, right[:, None], True)
    logits = (-distances).masked_fill(is_same & ~is_right, float("-inf"))
    loss = 0.5 * (F.cross_entropy(logits, right) + F.cross_entropy(logits[:, right].T, own))
    wrong = distances.detach().masked_fill(is_same, 0).sum(dim=1) / (~is_same).sum(dim=1).clamp(min=1)
    return Matching(
        loss=loss,
        retrieval_at_1=(logits.detach().argmax(dim=1) == right).float().mean(),
        wrong_distances=wrong,
    )


def padding_gap(network: SyncNet, lips: Tensor, wrong_distances: Tensor) -> Tensor:
    """Mean absolute difference between a video window's distance from zero, LSE's padding, and from wrong audio.

    Args:
        network: that embedded ``lips``; only the last biases of its heads get a gradient, the same for both.
        lips: float (B, D), embeddings of video windows.
        wrong_distances: float32 (B,), see `Matching`.

    Returns:
        A scalar; lower is better.
    """
    common = torch.zeros_like(lips[0], dtype=torch.float32)
    for head in (network.netfclip, network.netfcaud):
        last = head[-1]
        assert isinstance(last, nn.Linear)
        common = common + 0.5 * (last.bias - last.bias.detach())
    distances = torch.linalg.vector_norm(lips.detach().float() + common, dim=1)
    gap: Tensor = (distances - wrong_distances).abs().mean()
    return gap


class LseEvaluatorStage(TrainingStage):
    """Trains network S on the train split."""

    best_metric: ClassVar[str] = "lse_c"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: LseEvaluatorConfig, world: World, shard_sets: Sequence[ShardSet]) -> None:
        self.config: LseEvaluatorConfig = config
        self.world = world
        seed_step(config.seed, -1, 0)
        self.network = SyncNet(SyncNetConfig(width_factor=config.width_factor)).to(world.device)
        self.networks = {NETWORK_NAME: self.network}
        self.exported = (NETWORK_NAME,)
        self.optimizers = {NETWORK_NAME: build_optimizer([self.network], config)}
        self._sampler = train_sampler(shard_sets, self._sample, config, world)
        self._validation = validation_source(shard_sets, clip_cache_bytes=config.clip_cache_bytes)
        self._mfccs: dict[str, npt.NDArray[np.float32]] = {}

    @property
    def chance_loss(self) -> float:
        """Loss of uninformative embeddings: log of the number of candidates, the mean of both directions."""
        others = 1 + self.config.other_moments
        return float(np.log(self.config.batch_samples) + 0.5 * np.log(others))

    def draw(self, batch_number: int) -> Batch:
        """Batch of a number.

        Returns:
            frames uint8 (B, 5, S, S, 3), RGB, at the size of the crops; mfcc float32 (B, C, 13, 20); moments int64 (B, C, 2), clip and first frame.
        """
        return self._sampler.draw(batch_number)

    def train_step(self, batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One update; the candidates are the windows of one batch of one process."""
        matchings, gaps = [], []
        for batch in batches:
            with self.autocast():
                lips = self.network.embed_lip_stacks(lip_stacks(batch["frames"]))
                audio = self.network.embed_audio(batch["mfcc"].flatten(0, 1)[:, None])
            found = match(lips, audio.reshape(len(lips), -1, audio.shape[1]), batch["moments"])
            gap = padding_gap(self.network, lips, found.wrong_distances)
            ((found.loss + gap) / len(batches)).backward()  # type: ignore[no-untyped-call]
            matchings.append(found)
            gaps.append(gap.detach())
        norm = apply_gradients(
            self.optimizers[NETWORK_NAME],
            learning_rate=learning_rate(step, self.config),
            config=self.config,
            world=self.world,
        )
        return {
            "loss": torch.stack([found.loss.detach() for found in matchings]).mean(),
            "batch_retrieval_at_1": torch.stack([found.retrieval_at_1 for found in matchings]).mean(),
            "padding_gap": torch.stack(gaps).mean(),
            "gradient_norm": norm,
            "chance_loss": torch.tensor(self.chance_loss, device=norm.device),
        }

    def validate(self, step: int) -> dict[str, float]:
        """LSE of held-out clips with their own audio and with the next clip's, and the offsets found."""
        evaluator = LipSyncEvaluator(self.network, name="in training", device=str(self.world.device))
        clips = self._validation.first(self.config.validation_clips)
        own, other = [], []
        for clip, lender in zip(clips, [*clips[1:], *clips[:1]], strict=True):
            frames = torch.from_numpy(self._validation.frames(clip, range(clip.num_frames)))
            try:
                lips = evaluator.embed_lips(frames)
                own.append(evaluator.compare(lips, evaluator.embed_audio(clip.audio())))
                audio = evaluator.embed_audio(np.resize(lender.audio(), len(clip.audio())))
                other.append(evaluator.compare(lips, audio))
            except LseError:
                continue
        if not own:
            raise ValueError("no clip of the split val has the 6 frames that LSE needs")
        return _metrics(own, other)

    def chance(self) -> dict[str, float]:
        """Loss, offset and margin of uninformative embeddings."""
        return {"loss": self.chance_loss, "offset_within_1": _BY_CHANCE_WITHIN_1, "lse_d_margin": 0.0}

    def diagnose(
        self, train: Mapping[str, float], val: Mapping[str, float], step: int, *, is_last: bool
    ) -> list[Diagnosis]:
        """`plateau_at_chance`, `offsets_not_found`, `clips_without_window`."""
        found = []
        if train and step >= self.config.steps // 2 and train["loss"] > _PLATEAU_SHARE * self.chance_loss:
            text = (
                f"the loss is {train['loss']:.3f} after {step} steps, {self.chance_loss:.3f} by chance: check the"
                " audio-video offset of the clips, raise batch_samples or steps"
            )
            found.append(Diagnosis(name="plateau_at_chance", text=text))
        if val and is_last and val["offset_within_1"] < 0.5:
            text = (
                f"the offset is found in {val['offset_within_1']:.0%} of the held-out clips: LSE measured with this"
                " evaluator is not reliable; train it longer or set lse_weights to syncnet_v2.model"
            )
            found.append(Diagnosis(name="offsets_not_found", text=text))
        return found + self._sampler.diagnose()

    def _sample(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        coefficients = self._mfcc_of(clip)
        last = (coefficients.shape[1] - WINDOW_MFCCS) // MFCCS_PER_FRAME
        starts = window_starts(clip.valid, WINDOW_FRAMES)
        starts = starts[starts <= last]
        if len(starts) == 0:
            return None
        start = int(generator.choice(starts))
        moments = [start, *other_moments(start, last, self.config.other_moments, generator)]
        first = MFCCS_PER_FRAME * np.array(moments)[:, None] + np.arange(WINDOW_MFCCS)
        return {
            "frames": self._sampler.source.frames(clip, range(start, start + WINDOW_FRAMES)),
            "mfcc": coefficients[:, first].swapaxes(0, 1),
            "moments": np.array([[int(clip.key[:15], 16), moment] for moment in moments], np.int64),
        }

    def _mfcc_of(self, clip: ShardClip) -> npt.NDArray[np.float32]:
        if clip.key not in self._mfccs:
            if len(self._mfccs) >= _KEPT_MFCCS:
                self._mfccs.clear()
            self._mfccs[clip.key] = mfcc(clip.audio())
        return self._mfccs[clip.key]


def other_moments(start: int, last: int, count: int, generator: np.random.Generator) -> list[int]:
    """First frames of wrong audio windows of a clip.

    Args:
        start: first frame of the right window.
        last: the last frame at which a window begins.
        count: how many. A clip with fewer within 15 frames of ``start`` repeats them; a clip with none repeats ``start``.
        generator: draws the farther ones.

    Returns:
        ``count`` frame numbers in [0, last]; half of them are those nearest to ``start``.
    """
    near = sorted(
        range(max(0, start - MAX_SHIFT_FRAMES), min(last, start + MAX_SHIFT_FRAMES) + 1),
        key=lambda moment: abs(moment - start),
    )
    if len(near) <= 1 + count:
        return list(islice(cycle(near[1:] or near), count))
    half = 1 + count // 2
    return near[1:half] + [
        int(moment) for moment in generator.choice(near[half:], count + 1 - half, replace=False)
    ]


def lip_stacks(frames: Tensor) -> Tensor:
    """Video windows as `SyncNet.embed_lip_stacks` takes them.

    Args:
        frames: uint8 (B, 5, H, W, 3), RGB.

    Returns:
        (B, 15, 224, 224), 0 to 255, BGR frame by frame, channels-last; float32, or autocast's dtype where that is on
        (bfloat16 holds bytes exactly). Resized without OpenCV's rounding, which training does not need.
    """
    kind = frames.device.type
    images = frames.flip(4).permute(0, 1, 4, 2, 3).flatten(0, 1)
    if kind != "cpu":
        images = images.float()  # only the CPU resizes bytes
    resized = F.interpolate(images, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
    stacks = resized.reshape(len(frames), 3 * WINDOW_FRAMES, INPUT_PX, INPUT_PX)
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    return stacks.to(dtype, memory_format=torch.channels_last)


def _metrics(own: Sequence[LseResult], other: Sequence[LseResult]) -> dict[str, float]:
    lse_d = float(np.mean([result.distance for result in own]))
    return {
        "lse_d": lse_d,
        "lse_c": float(np.mean([result.confidence for result in own])),
        "lse_d_margin": float(np.mean([result.distance for result in other])) - lse_d,
        "lse_c_other": float(np.mean([result.confidence for result in other])),
        "offset_within_1": float(np.mean([abs(result.offset_frames) <= 1 for result in own])),
        "offset_exact": float(np.mean([result.offset_frames == 0 for result in own])),
    }
