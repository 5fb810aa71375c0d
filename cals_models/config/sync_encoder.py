"""Settings of the sync encoder, F_v and F_a."""

from dataclasses import dataclass
from typing import Annotated

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import (
    Bound,
    Count,
    Positive,
    Share,
    ShareAboveZero,
    ShareBelowOne,
    Width,
)


@dataclass(frozen=True, kw_only=True)
class SyncEncoderConfig(TrainingConfig):
    """F_v and F_a. A sample is `windows_per_sample` consecutive windows of one clip.

    SyncTalkFace: batch 256, learning rate 1e-4, a lip encoder of Conv3d 5x7x7 and residual convolutions.

    Args:
        visual_width: channels of F_v's first convolution; the last has 8 times as many.
        visual_front_stride: stride of F_v's first convolution, in px.
        audio_width: channels of F_a's first convolution; the last has 8 times as many.
        blocks_per_level: residual blocks a resolution.
        windows_per_sample: consecutive 5-frame windows a sample, all candidates for each other.
        initial_temperature: of the InfoNCE softmax at the first step; it is learned.
        shift_px: largest random shift of a sample's frames, both ways.
        brightness_jitter: largest relative change of a sample's brightness, contrast and colour balance, so that
            identity is of little help.
        mirror_share: share of the samples that are mirrored left to right.
        mel_bins_masked: largest number of neighbouring mel bins hidden in a sample.
        plateau_margin: a training loss above this share of the chance level, after `plateau_after_steps`, is reported
            as a plateau.
        plateau_after_steps: updates before a plateau is reported.
    """

    steps: Count = 60_000
    batch_samples: Count = 64
    windows_per_sample: Annotated[int, Bound(at_least=2)] = 4
    visual_width: Width = 64
    visual_front_stride: Annotated[int, Bound(at_least=2, at_most=4, multiple_of=2, text="2 or 4")] = 2
    audio_width: Width = 32
    blocks_per_level: Count = 2
    initial_temperature: Positive = 0.07
    shift_px: Annotated[int, Bound(at_least=0, at_most=16)] = 4
    brightness_jitter: ShareBelowOne = 0.2
    mirror_share: Share = 0.5
    mel_bins_masked: Annotated[int, Bound(at_least=0, at_most=40)] = 8
    plateau_margin: ShareAboveZero = 0.97
    plateau_after_steps: Count = 2_000
