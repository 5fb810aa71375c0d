"""Settings of `pc_avs`: identity, mouth, audio and pose encoders, the modulated generator and its discriminator."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.declarations.bounds import (
    Bound,
    Count,
    NotNegative,
    Positive,
    Share,
    ShareBelowOne,
    Width,
)

_TINY: dict[str, object] = {
    "steps": 2_000,
    "warmup_steps": 50,
    "learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
    "adam_beta_1": 0.9,
    "ema_decay": 0.99,
    "batch_samples": 12,
    "encoder_width": 16,
    "encoder_blocks": 1,
    "widths": (16, 32, 64, 96, 128, 128),
    "blocks_per_level": 1,
    "discriminator_width": 16,
    "output_from": "identity",
    "finest_maps": "half",
    "pose_from": "near_pose",
    "perspective_jitter": 0.01,
    "scale_jitter": 0.02,
    "lower_half_weight": 3.0,
    "validate_every_steps": 200,
    "validation_clips": 16,
    "checkpoint_every_steps": 200,
    "log_every_steps": 10,
    "clip_cache_bytes": 512 * 1024**2,
    "frame_cache_bytes": 768 * 1024**2,
}

PROFILES: dict[str, dict[str, object]] = {"paper": {}, "tiny": _TINY}
"""Settings that differ from the defaults, by profile."""


@dataclass(frozen=True, kw_only=True)
class PcAvsConfig(GeneratedFramesConfig):
    """PC-AVS. A sample is one target frame, an identity frame and a pose frame of its clip, and 0.2 s of mel.

    The weights are those of PC-AVS's published settings, but for the pyramid L1, which stands in VGG's place and is
    weighted so that it comes to about the same size.

    Args:
        encoder_width: channels of the first convolution of the identity encoder and of the trunk; the last have 8 times
            as many.
        encoder_blocks: residual blocks a resolution of both; ResNet18 has 2.
        widths: channels of the generator at 1, 1/2, 1/4, 1/8, 1/16 and 1/32 of the crop's size.
        blocks_per_level: modulated convolutions a resolution of the generator; StyleGAN2 has 2.
        discriminator_width: channels of the discriminator's first layer.
        output_from: `scratch` generates every pixel, as PC-AVS does; `identity` moves the identity frame's pixels and
            generates only the change that remains, which a short training learns much sooner.
        finest_maps: `full` has feature maps of the crop's size, `half` ends at half of it, from where each position draws
            its four pixels.
        pose_from: frame whose pose code a sample is given in training: the `target` itself, as in PC-AVS, or one of another
            moment with `near_pose`, whose mouth says nothing about the target's, so that the code can't learn to carry it.
            Generated clips always take their pose from the target frames.
        mouth_driven_share: share of a batch's samples that are generated from the mouth code of the target, the others
            from the audio's code.
        perspective_jitter: largest displacement of a driving frame's corners, as a share of its size.
        scale_jitter: largest relative change of a driving frame's size.
        brightness_jitter: largest relative change of a driving frame's brightness, contrast and colour balance; identity
            frame and target stay as they are.
        audio_learning_rate_share: learning rate of the audio encoder, which starts from the sync encoder's, as a share of
            the others'.
        discriminator_learning_rate: of the discriminator.
        pyramid_l1_weight, gan_weight, feature_matching_weight, contrast_weight, modal_l1_weight: weights of the loss
            terms.
        speaker_weight: weight of the speakers' classification from the identity code; counts where clips name a speaker.
        word_weight: weight of the term that makes the pose code uninformative about words; counts where clips have words.
        lower_half_weight: how much more a pixel of the crop's lower half counts in the pyramid L1 than one of the upper.
        contrast_temperature: of the softmax between mouth and audio codes.
        target_frames: consecutive frames of a held-out sample; a training sample has one target.
        context_frames: video frames of a held-out sample's clip among which its mouths are told apart.
        dead_discriminator_loss: warn if the discriminator's loss stays below this: its gradients teach nothing.
        min_pose_gain_db: warn if the pose of the true frames brings the generated heads no more PSNR than this over the
            identity frame's pose: then they do not follow the pose.
        max_mouth_leak: warn if, with another clip's audio, the generated mouths follow those of the pose frames by more
            than this share.
    """

    steps: Count = 200_000
    batch_samples: Count = 16
    adam_beta_1: ShareBelowOne = 0.5
    encoder_width: Width = 64
    encoder_blocks: Count = 2
    widths: tuple[Width, Width, Width, Width, Width, Width] = (32, 64, 128, 256, 512, 512)
    blocks_per_level: Count = 2
    discriminator_width: Width = 64
    output_from: Literal["scratch", "identity"] = "scratch"
    finest_maps: Literal["full", "half"] = "full"
    pose_from: Literal["target", "near_pose"] = "target"
    mouth_driven_share: ShareBelowOne = 0.5
    perspective_jitter: Annotated[float, Bound(at_least=0, below=0.25)] = 0.05
    scale_jitter: ShareBelowOne = 0.1
    brightness_jitter: ShareBelowOne = 0.2
    audio_learning_rate_share: NotNegative = 0.1
    discriminator_learning_rate: Positive = 2e-4
    pyramid_l1_weight: NotNegative = 100.0
    gan_weight: NotNegative = 1.0
    feature_matching_weight: NotNegative = 10.0
    contrast_weight: NotNegative = 1.0
    modal_l1_weight: NotNegative = 1.0
    speaker_weight: NotNegative = 1.0
    word_weight: NotNegative = 1.0
    lower_half_weight: Positive = 1.0
    contrast_temperature: Positive = 0.1
    target_frames: Annotated[int, Bound(at_least=5)] = 7
    dead_discriminator_loss: NotNegative = 0.01
    min_pose_gain_db: NotNegative = 0.1
    max_mouth_leak: Share = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_samples < 2:
            raise ValueError("batch_samples: 1 sample has nothing to be told apart from; give 2 or more")
