"""The order in which clips are visited, and the samples drawn at each visit: a function of (seed, number of the visit).

Visits are numbered through all epochs and processes. In an epoch a clip is visited once for every 4 s begun, so that a
long clip counts as much as the short ones it could be cut into. A small set stays in memory; a larger one is read clip
by clip in the same order, which runs across all shards.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from cals_models.config.training import TrainingConfig
from cals_models.shards.crop_sizes import common_crop_px, crops_at
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import FPS
from cals_models.training.distributed import World
from cals_models.training.stage import Batch, Diagnosis

MAX_UNUSABLE_SHARE = 0.05
VISIT_FRAMES = 4 * FPS

Sample = Mapping[str, npt.NDArray[np.generic]]
"""One training sample: name -> array, of the same shape and dtype in every sample of a stage."""


class ClipStream:
    """The clips of one split of some shard sets, in an order that is new every epoch.

    Args:
        sets: their clips are mixed.
        split: train, val or test.
        seed: of the order.
        clip_cache_bytes: a split of at most this size is kept in memory; of a larger one each visit reads its clip.
        frame_cache_bytes: decoded frames are kept if all of the split's fit into this.
        own_share: least share of the visits that the clips of the first set have; they are visited as many times more often.
        at_encoder_size: frames are given at 128 px, at which encoders of lips look at them, whatever the sets' size.

    Attributes:
        frame_px: side of the frames that it gives.
        is_unusable: bool (N,), True for clips that were visited and had no sample; the processes that draw share it.

    Raises:
        ValueError: the split holds no clip, or the sets have crops of different sizes.
        ShardError: a shard is not what its manifest says.
    """

    def __init__(
        self,
        sets: Sequence[ShardSet],
        split: str,
        *,
        seed: int,
        clip_cache_bytes: int,
        frame_cache_bytes: int = 0,
        own_share: float = 0.0,
        at_encoder_size: bool = False,
    ) -> None:
        self._sets, self._split, self._seed = list(sets), split, seed
        crop_px = common_crop_px(sets)
        self.frame_px = BASE_CROP_PX if at_encoder_size else crop_px
        counts = [shard_set.num_clips(split) for shard_set in self._sets]
        self._firsts = np.cumsum([0, *counts])
        self.num_clips = sum(counts)
        if self.num_clips == 0:
            folders = ", ".join(str(shard_set.folder) for shard_set in self._sets)
            raise ValueError(f"{folders}: the split {split} holds no clip; training needs one")
        num_bytes = sum(shard.num_bytes for shard_set in self._sets for shard in shard_set.shards[split])
        self._clips: list[ShardClip] | None = None
        if num_bytes <= clip_cache_bytes:
            self._clips = [clip for shard_set in self._sets for clip in shard_set.clips(split)]
        # Every shard is indexed here, once, instead of in each process that draws.
        lengths = np.concatenate([shard_set.clip_lengths(split) for shard_set in self._sets])
        visits = -(-lengths // VISIT_FRAMES)
        visits[: counts[0]] *= _times_for_share(visits, counts[0], own_share)
        self._visits = np.repeat(np.arange(self.num_clips), visits)
        num_frames = sum(shard_set.num_frames(split) for shard_set in self._sets)
        frame_bytes = 3 * self.frame_px**2
        fits = self._clips is not None and num_frames * frame_bytes <= frame_cache_bytes
        self._frames: dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]] | None = (
            {} if fits else None
        )
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        self.is_unusable = torch.zeros(self.num_clips, dtype=torch.bool)
        self.is_unusable.share_memory_()  # type: ignore[no-untyped-call]

    @property
    def in_memory(self) -> Sequence[ShardClip]:
        """All clips if they are kept in memory, else none."""
        return self._clips or ()

    def index(self, number: int) -> int:
        """Number of a visit's clip in the stored order over all sets."""
        epoch, position = divmod(number, len(self._visits))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self._seed, epoch]).permutation(self._visits))
        return int(self._order[1][position])

    def visit(self, number: int) -> ShardClip:
        """The clip of a visit."""
        return self._clip(self.index(number))

    def _clip(self, index: int) -> ShardClip:
        if self._clips is not None:
            return self._clips[index]
        which = int(np.searchsorted(self._firsts, index, side="right")) - 1
        return self._sets[which].clip(self._split, index - int(self._firsts[which]))

    def frames(self, clip: ShardClip, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Decodes frames of a clip, or takes them from memory where they are kept.

        Args:
            clip: of this stream, or any other.
            indices: N frame numbers in [0, T), in any order, repeated or not.

        Returns:
            uint8 (N, `frame_px`, `frame_px`, 3), RGB.

        Raises:
            IndexError: a number outside [0, T).
            ShardError: a frame is damaged.
        """
        if self._frames is None:
            return crops_at(clip.frames(indices), self.frame_px)
        if clip.key not in self._frames:
            shape = (clip.num_frames, self.frame_px, self.frame_px, 3)
            self._frames[clip.key] = (np.empty(shape, np.uint8), np.zeros(clip.num_frames, np.bool_))
        pixels, is_decoded = self._frames[clip.key]
        missing = [index for index in dict.fromkeys(indices) if not is_decoded[index]]
        if missing:
            pixels[missing] = crops_at(clip.frames(missing), self.frame_px)
            is_decoded[missing] = True
        return pixels[list(indices)]

    def first(self, num_clips: int) -> list[ShardClip]:
        """The first `num_clips` distinct clips of the first epoch: the same every time, from all of the split."""
        chosen: dict[int, None] = {}
        for number in range(len(self._visits)):
            if len(chosen) == num_clips:
                break
            chosen[self.index(number)] = None
        return [self._clip(index) for index in chosen]


def _times_for_share(visits: npt.NDArray[np.int64], num_own: int, share: float) -> int:
    """How many times as often the first clips are to be visited, so that they have at least a share of all visits."""
    own, others = int(visits[:num_own].sum()), int(visits[num_own:].sum())
    if own == 0:
        return 1
    return max(1, math.ceil(round(others * share / (1 - share) / own, 9)))


class BatchSampler:
    """Batches of samples: `samples_per_clip` from every clip that is visited.

    With two processes, batch n of both together is what one process with the doubled batch size draws.

    Args:
        source: the clips.
        sample: draws one sample from a clip; None where the clip has no usable window.
        batch_samples: samples a batch and process.
        samples_per_clip: samples a visit.
        seed: of the windows.
        world: this process among how many.
    """

    def __init__(
        self,
        source: ClipStream,
        sample: Callable[[ShardClip, np.random.Generator], Sample | None],
        *,
        batch_samples: int,
        samples_per_clip: int,
        seed: int,
        world: World,
    ) -> None:
        self.source, self._sample, self._seed = source, sample, seed
        self._samples_per_clip, self._world = samples_per_clip, world
        self._num_visits = batch_samples // samples_per_clip

    def draw(self, batch_number: int) -> Batch:
        """The batch of a number: every array of the samples stacked to a tensor (B, ...), on the CPU.

        Other samples of the batch replace those of a clip without a usable window.

        Raises:
            ValueError: no clip of the batch has a usable window.
        """
        first = (batch_number * self._world.size + self._world.rank) * self._num_visits
        samples: list[Sample] = []
        for number in range(first, first + self._num_visits):
            clip = self.source.visit(number)
            generator = np.random.default_rng([self._seed, number])
            drawn = [self._sample(clip, generator) for _ in range(self._samples_per_clip)]
            usable = [sample for sample in drawn if sample is not None]
            if len(usable) < len(drawn):
                self.source.is_unusable[self.source.index(number)] = True
            samples += usable
        if not samples:
            raise ValueError(
                f"no clip of a batch ({clip.clip_id} among them) has a window of valid frames that is long enough;"
                " shorten the stage's samples or check the dataset's validity masks"
            )
        total = self._num_visits * self._samples_per_clip
        filled = [samples[index % len(samples)] for index in range(total)]
        return {name: torch.from_numpy(np.stack([sample[name] for sample in filled])) for name in filled[0]}

    def diagnose(self) -> list[Diagnosis]:
        """`clips_without_window`, once more than 5 % of the clips had no usable window."""
        num_unusable = int(self.source.is_unusable.sum())
        if num_unusable <= MAX_UNUSABLE_SHARE * self.source.num_clips:
            return []
        return [
            Diagnosis(
                name="clips_without_window",
                text=f"{num_unusable} of {self.source.num_clips} clips have no window of valid frames that is long"
                " enough, and are not trained on: shorten the stage's samples, or check the validity masks",
            )
        ]


def train_source(
    shard_sets: Sequence[ShardSet],
    config: TrainingConfig,
    *,
    keeps_frames: bool = True,
    at_encoder_size: bool = False,
) -> ClipStream:
    """The train splits of some shard sets, their clips mixed, as a stage's settings say.

    Args:
        shard_sets: one or more.
        config: seed and cache limits.
        keeps_frames: whether decoded frames may be kept up to `frame_cache_bytes`; False decodes at every visit.
        at_encoder_size: see `ClipStream`.

    Raises:
        ValueError: the train splits hold no clip.
        ShardError: a shard is not what its manifest says.
    """
    return ClipStream(
        shard_sets,
        "train",
        seed=config.seed,
        clip_cache_bytes=config.clip_cache_bytes,
        frame_cache_bytes=config.frame_cache_bytes if keeps_frames else 0,
        own_share=config.own_share,
        at_encoder_size=at_encoder_size,
    )


def sampler_of(
    source: ClipStream,
    sample: Callable[[ShardClip, np.random.Generator], Sample | None],
    config: TrainingConfig,
    world: World,
    *,
    times: int = 1,
) -> BatchSampler:
    """Batches from a source, as a stage's settings say.

    Args:
        source: the clips.
        sample: see `BatchSampler`.
        config: batch size, samples a clip, seed.
        world: this process among how many.
        times: draws this many times `batch_samples`.
    """
    return BatchSampler(
        source,
        sample,
        batch_samples=times * config.batch_samples,
        samples_per_clip=config.samples_per_clip,
        seed=config.seed,
        world=world,
    )


def train_sampler(
    shard_sets: Sequence[ShardSet],
    sample: Callable[[ShardClip, np.random.Generator], Sample | None],
    config: TrainingConfig,
    world: World,
    *,
    keeps_frames: bool = True,
    at_encoder_size: bool = False,
) -> BatchSampler:
    """Batches from the train splits of some shard sets, as a stage's settings say.

    Args:
        shard_sets: their clips are mixed.
        sample: see `BatchSampler`; called by `BatchSampler.draw`, not here.
        config: batch size, samples a clip, seed, cache limits.
        world: this process among how many.
        keeps_frames: whether decoded frames may be kept up to `frame_cache_bytes`; False decodes at every visit.
        at_encoder_size: see `ClipStream`.

    Raises:
        ValueError: the train splits hold no clip.
        ShardError: a shard is not what its manifest says.
    """
    source = train_source(shard_sets, config, keeps_frames=keeps_frames, at_encoder_size=at_encoder_size)
    return sampler_of(source, sample, config, world)


def window_starts(valid: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.int64]:
    """First frames of all windows of `length` valid frames.

    Args:
        valid: bool (T,).
        length: frames, at least 1.

    Returns:
        int64 (K,), ascending frame numbers; empty where there is no such window.
    """
    if length > len(valid):
        return np.empty(0, np.int64)
    run = np.convolve(valid.astype(np.int64), np.ones(length, np.int64), mode="valid")
    return np.flatnonzero(run == length)


def pad_frames(array: npt.NDArray[np.generic], length: int, *, fill: float) -> npt.NDArray[np.generic]:
    """Pads the last axis at its end.

    Args:
        array: (..., L), any dtype, L <= length.
        length: of the last axis afterwards, in its own unit (mel frames, video frames).
        fill: value of the padding.

    Returns:
        (..., length), the array's dtype.

    Raises:
        ValueError: the array is longer than `length`.
    """
    widths = [(0, 0)] * (array.ndim - 1) + [(0, length - array.shape[-1])]
    return np.pad(array, widths, constant_values=fill)
