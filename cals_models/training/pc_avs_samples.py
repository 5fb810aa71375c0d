"""Samples of `pc_avs`: a target frame, an identity frame and a pose frame of its clip, and the audio of the target.

Legend: T video frames of a clip.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.mel_windows import CONTEXT_FRAMES, WINDOW_FRAMES, WINDOW_MELS
from cals_models.shards.shard_clip import ShardClip
from cals_models.training.augmentation import draw_relighting
from cals_models.training.clip_labels import speaker_class, word_class
from cals_models.training.clip_windows import mel_of, near_in_pose, reference_candidates
from cals_models.training.perspective import draw_perspective
from cals_models.training.sampler import ClipStream, Sample, window_starts

NEAREST_SHARE = 4
"""A pose frame is drawn from one in so many of the frames that are near in pose: one in 20 of all."""


class PcAvsSampleDrawer:
    """Draws samples of clips.

    Args:
        source: decodes the frames.
        config: augmentation, `reference_from`, `pose_from`.
    """

    def __init__(self, source: ClipStream, config: PcAvsConfig) -> None:
        self._source, self._config = source, config

    def single(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        """A sample of one target.

        Args:
            clip: T video frames.
            generator: decides everything.

        Returns:
            identity, target uint8 (128, 128, 3) RGB; driving and pose, the same, relit; driving_change and pose_change
            float32 (3, 3), see `perspective`; mel float32 (80, 20), log10 magnitudes around the target; speaker and word,
            int64, -1 where not known, the word that of the pose frame. None where no frame with a window of valid ones has
            another one far enough from it.
        """
        drawn = self._drawn(clip, generator)
        if drawn is None:
            return None
        target, identity, pose = drawn
        frames = self._source.frames(clip, [target, identity, pose])
        if generator.random() < self._config.mirror_share:
            frames = np.ascontiguousarray(frames[:, :, ::-1])
        mel = mel_of(clip, target - CONTEXT_FRAMES, WINDOW_FRAMES)
        assert mel.shape[1] == WINDOW_MELS
        return {
            "target": frames[0],
            "identity": frames[1],
            **self._driving("driving", frames[0], generator),
            **self._driving("pose", frames[2], generator),
            "mel": mel,
            "speaker": np.array(speaker_class(clip)),
            "word": np.array(word_class(clip, pose)),
        }

    def _drawn(self, clip: ShardClip, generator: np.random.Generator) -> tuple[int, int, int] | None:
        """Frame numbers of target, identity and pose."""
        targets = window_starts(clip.valid, WINDOW_FRAMES) + CONTEXT_FRAMES
        generator.shuffle(targets)
        for target in targets.tolist():
            others = reference_candidates(clip.valid, target, 1)
            if len(others):
                near = near_in_pose(clip.landmarks, others, target)
                identity = generator.choice(near if self._config.reference_from == "near_pose" else others)
                nearest = near[: -(-len(near) // NEAREST_SHARE)]
                pose = generator.choice(nearest) if self._config.pose_from == "near_pose" else target
                return target, int(identity), int(pose)
        return None

    def _driving(
        self, name: str, frame: npt.NDArray[np.uint8], generator: np.random.Generator
    ) -> dict[str, npt.NDArray[Any]]:
        config = self._config
        change = draw_perspective(config.perspective_jitter, config.scale_jitter, generator)
        return {name: draw_relighting(config.brightness_jitter, generator)(frame), f"{name}_change": change}
