"""Samples of the generator's training: target frames, a reference frame, and the audio around the targets.

Legend: T video frames of a clip, S target frames, L video frames of audio, P side of a crop.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.mel_windows import CONTEXT_FRAMES, SILENCE
from cals_models.shards.crop_sizes import crops_at, lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.augmentation import draw_relighting
from cals_models.training.clip_units import ClipUnits, counted_frames
from cals_models.training.clip_windows import mel_of, near_in_pose, reference_candidates
from cals_models.training.sampler import ClipStream, Sample, pad_frames, window_starts


class SampleDrawer:
    """Draws samples of clips.

    Args:
        source: decodes the frames.
        config: `target_frames`, `context_frames`, `reference_from`.
        augment: change the frames at random, by `brightness_jitter` and `mirror_share`; what the generated frames are
            contrasted with stays that of the unchanged ones.
        keys: F_v's units and F_a's embeddings by clip key; of other clips a sample holds what they are computed from.
            None for a training that contrasts with no clip: its samples hold neither.
        units: f_theta's units (T, 512) by clip key, for single frames; of other clips a sample holds the mel.
    """

    def __init__(
        self,
        source: ClipStream,
        config: GeneratedFramesConfig,
        keys: Mapping[str, ClipUnits] | None,
        units: Mapping[str, npt.NDArray[np.float32]],
        *,
        augment: bool,
    ) -> None:
        self._augment = augment and (config.brightness_jitter > 0 or config.mirror_share > 0)
        self._source, self._config, self._keys_of, self._units_of = source, config, keys, units

    def window(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        """A sample of S consecutive targets.

        Args:
            clip: T video frames.
            generator: decides window and reference.

        Returns:
            frames uint8 (S + 4, P, P, 3) RGB, the targets with two real frames on either side; reference uint8
            (P, P, 3) RGB; mel float32 (80, 4L), log10 magnitudes; first and num_valid, int64: the first target's frame
            in `mel`, and the video frames of `mel` that are not padding; counted bool (L,), the frames of `mel` with a
            window of valid frames; lips and audio, float32 (L, 512), or lower_frames uint8 (L, 64, 128, 3) RGB. None where
            the clip has no window of valid frames with a reference far enough from its targets.
        """
        num_targets = self._config.target_frames
        drawn = self._drawn(clip, num_targets, generator)
        if drawn is None:
            return None
        start, reference = drawn
        stretch = self._stretch(clip, start, num_targets)
        return {
            **self._frames(clip, start, num_targets, reference, generator),
            **self._mel(clip, start, stretch),
            **({} if self._keys_of is None else self._keys(clip, stretch, self._keys_of)),
        }

    def single(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        """A sample of one target: as `window` with S = 1, without keys; of clips whose units are known, with
        units float32 (1, 512) in place of the mel."""
        drawn = self._drawn(clip, 1, generator)
        if drawn is None:
            return None
        start, reference = drawn
        frames, target = self._frames(clip, start, 1, reference, generator), start + CONTEXT_FRAMES
        if clip.key in self._units_of:
            return {**frames, "units": self._units_of[clip.key][target : target + 1]}
        return {**frames, **self._mel(clip, start, self._stretch(clip, start, 1))}

    def _drawn(
        self, clip: ShardClip, num_targets: int, generator: np.random.Generator
    ) -> tuple[int, int] | None:
        """First frame of the window, two before its first target, and frame number of the reference."""
        starts = window_starts(clip.valid, num_targets + 2 * CONTEXT_FRAMES)
        generator.shuffle(starts)
        for start in starts.tolist():
            references = reference_candidates(clip.valid, start + CONTEXT_FRAMES, num_targets)
            if self._config.reference_from == "near_pose":
                middle = start + CONTEXT_FRAMES + num_targets // 2
                references = near_in_pose(clip.landmarks, references, middle)
            if len(references):
                return start, int(generator.choice(references))
        return None

    def _stretch(self, clip: ShardClip, start: int, num_targets: int) -> range:
        """Video frames of audio around the targets."""
        context = self._config.context_frames
        before = start + CONTEXT_FRAMES - (context - num_targets) // 2
        first = min(max(0, before), max(0, clip.num_frames - context))
        return range(first, first + min(context, clip.num_frames))

    def _frames(
        self,
        clip: ShardClip,
        start: int,
        num_targets: int,
        reference: int,
        generator: np.random.Generator,
    ) -> Sample:
        numbers = range(start, start + num_targets + 2 * CONTEXT_FRAMES)
        frames = self._source.frames(clip, [*numbers, reference])
        if self._augment:
            if generator.random() < self._config.mirror_share:
                frames = np.ascontiguousarray(frames[:, :, ::-1])
            frames = draw_relighting(self._config.brightness_jitter, generator)(frames)
        return {"frames": frames[:-1], "reference": frames[-1]}

    def _mel(self, clip: ShardClip, start: int, stretch: range) -> Sample:
        mel = mel_of(clip, stretch.start, len(stretch))
        return {
            "mel": pad_frames(mel, MELS_PER_FRAME * self._config.context_frames, fill=SILENCE),
            "first": np.array(start + CONTEXT_FRAMES - stretch.start),
            "num_valid": np.array(len(stretch)),
        }

    def _keys(self, clip: ShardClip, stretch: range, keys: Mapping[str, ClipUnits]) -> Sample:
        """What the generated frames are contrasted with, of all frames of the stretch, padded to the context."""
        rows, padding = slice(stretch.start, stretch.stop), (0, self._config.context_frames - len(stretch))
        counted = np.pad(counted_frames(clip.valid[rows]), padding)
        known = keys.get(clip.key)
        if known is None:
            lower = lower_rows(crops_at(self._source.frames(clip, stretch), BASE_CROP_PX))
            return {
                "counted": counted,
                "lower_frames": np.pad(lower, (padding, (0, 0), (0, 0), (0, 0))),
            }
        return {
            "counted": counted,
            "lips": np.pad(known.lips[rows], (padding, (0, 0))),
            "audio": np.pad(known.audio[rows], (padding, (0, 0))),
        }
