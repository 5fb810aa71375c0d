"""Samples of the generator's training: target frames, a reference frame, and the audio around the targets.

Legend: T video frames of a clip, S target frames, L video frames of audio.
"""

import numpy as np

from cals_models.config.generator import GeneratorConfig
from cals_models.mel_windows import CONTEXT_FRAMES, SILENCE
from cals_models.shards.shard_clip import ShardClip
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.clip_windows import mel_of, near_in_pose, reference_candidates
from cals_models.training.sampler import ClipStream, Sample, pad_frames, window_starts


def draw_sample(
    clip: ShardClip, generator: np.random.Generator, source: ClipStream, config: GeneratorConfig
) -> Sample | None:
    """Draws one sample of a clip.

    Args:
        clip: T video frames.
        generator: decides window and reference.
        source: decodes the frames.
        config: `target_frames`, `context_frames`, `reference_from`.

    Returns:
        frames uint8 (S + 4, 128, 128, 3) RGB, the targets with two real frames on either side; reference uint8
        (128, 128, 3) RGB; mel (80, 4L) and target_mel (80, 4 (S + 4)), float32 log10 magnitudes; first and num_valid,
        int64: the first target's frame in `mel`, and the video frames of `mel` that are not padding. None where the clip
        has no window of valid frames with a reference far enough from its targets.
    """
    num_targets = config.target_frames
    starts = window_starts(clip.valid, num_targets + 2 * CONTEXT_FRAMES)
    generator.shuffle(starts)
    for start in starts.tolist():
        references = reference_candidates(clip.valid, start + CONTEXT_FRAMES, num_targets)
        if config.reference_from == "near_pose":
            middle = start + CONTEXT_FRAMES + num_targets // 2
            references = near_in_pose(clip.landmarks, references, middle)
        if len(references):
            return _window(clip, start, int(generator.choice(references)), source, config)
    return None


def _window(
    clip: ShardClip, start: int, reference: int, source: ClipStream, config: GeneratorConfig
) -> Sample:
    num_targets, context = config.target_frames, config.context_frames
    num_frames = num_targets + 2 * CONTEXT_FRAMES
    frames = source.frames(clip, [*range(start, start + num_frames), reference])
    first = start + CONTEXT_FRAMES
    audio_start = min(max(0, first - (context - num_targets) // 2), max(0, clip.num_frames - context))
    length = min(context, clip.num_frames)
    return {
        "frames": frames[:-1],
        "reference": frames[-1],
        "mel": pad_frames(mel_of(clip, audio_start, length), MELS_PER_FRAME * context, fill=SILENCE),
        "target_mel": mel_of(clip, start, num_frames),
        "first": np.array(first - audio_start),
        "num_valid": np.array(length),
    }
