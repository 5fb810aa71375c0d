"""Settings of the generator, f_phi, and its discriminator."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import (
    Bound,
    Count,
    NotNegative,
    Positive,
    Share,
    ShareBelowOne,
    Width,
)


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig(TrainingConfig):
    """f_phi and the discriminator. A sample is `target_frames` consecutive frames of one clip.

    The weights of L1 and GAN are SyncTalkFace's (10 and 0.2); Wav2Lip's sync loss has the ratio to L1 that Wav2Lip gives
    it (0.03 to 0.9); those of d_av and d_vv are chosen by measurement (docs/benchmarks.md).

    Args:
        widths: channels at 128, 64, 32, 16, 8 and 4 px.
        blocks_per_level: convolution blocks a resolution of the decoder.
        audio_width: channels of Wav2Lip's audio encoder (method `wav2lip`); its last layers have 8 times more.
        discriminator_width: channels of the discriminator's first layer.
        target_frames: S, consecutive frames that are generated; two real frames stand on each side of them.
        single_frame_share: share of the updates, from the start, whose samples are single frames: S times as many, of as
            many clips. They teach the mouth much sooner than windows, whose frames are alike. f_theta is frozen meanwhile,
            and no sync loss counts.
        context_frames: video frames of mel around the targets that f_theta is given, where the clip has them.
        finetune_audio_to_lip: train f_theta along with the generator.
        audio_to_lip_learning_rate_share: f_theta's learning rate, as a share of the generator's.
        known_pixels: `copied` takes the rows that the pose prior shows from it, so that losses and metrics judge only
            generated pixels; `generated` generates the whole crop, as Wav2Lip does.
        output_from: `scratch` generates every pixel, as Wav2Lip does; `reference` moves the reference frame's pixels
            and generates only the change that remains, which a short training learns much sooner.
        finest_maps: `full` has feature maps of 128 px, `half` ends at 64 px, from where each position draws its four pixels:
            less than half the work. With `output_from: reference` the detail comes from the reference all the same.
        reference_from: `any` takes any other moment of the clip as the reference, as the paper does; `near_pose` one
            with nearly the head pose of the targets: less to learn where heads turn, and the case of a dub, whose
            reference is the frame itself. Validation takes the same; renders for an evaluation do not.
        brightness_jitter: largest relative change of a sample's brightness, contrast and colour balance, reference and
            targets alike: for models that meet faces and light they were not trained on.
        mirror_share: share of the samples that are mirrored left to right.
        discriminator_learning_rate: of the discriminator.
        l1_weight, gan_weight, d_av_weight, d_vv_weight, wav2lip_sync_weight: weights of the loss terms.
        d_av_temperature, d_vv_temperature: of the softmax over the windows of the clip; the paper's form has none, which
            is 1. At 0.1 both lead to the true mouth and leave it there (docs/benchmarks.md); their weights are small, since
            larger ones cost image quality and LMD.
        sync_switch_on_nearness: the sync losses count from the first validation on in which generated mouths are
            nearer to the true ones than this share of the way from the reference's. Before that their gradients cost
            what L1 teaches first; 0 counts them from the first update on. One rule for all methods, in place of Wav2Lip's on its expert's loss.
        dead_discriminator_loss: warn if the discriminator's loss stays below this: its gradients teach nothing.
        min_audio_gain_db: warn if a clip's own audio brings the generated mouths no more PSNR than this over another
            clip's audio: then they do not follow the audio.
        copies_reference_margin: warn if the generated mouths are nearer to the reference's than this share of
            the distance between the reference's and the true mouths.
    """

    steps: Count = 200_000
    batch_samples: Count = 40
    adam_beta_1: ShareBelowOne = 0.5
    widths: tuple[Width, Width, Width, Width, Width, Width] = (32, 64, 128, 256, 512, 512)
    blocks_per_level: Count = 2
    audio_width: Width = 32
    discriminator_width: Width = 64
    target_frames: Annotated[int, Bound(at_least=5, text="5 or more (d_vv is 0 for one frame)")] = 5
    single_frame_share: Share = 0.0
    context_frames: Count = 75
    finetune_audio_to_lip: bool = True
    audio_to_lip_learning_rate_share: NotNegative = 0.1
    known_pixels: Literal["copied", "generated"] = "copied"
    output_from: Literal["scratch", "reference"] = "scratch"
    finest_maps: Literal["full", "half"] = "full"
    reference_from: Literal["any", "near_pose"] = "any"
    brightness_jitter: ShareBelowOne = 0.0
    mirror_share: Share = 0.0
    discriminator_learning_rate: Positive = 5e-4
    l1_weight: NotNegative = 10.0
    gan_weight: NotNegative = 0.2
    d_av_weight: NotNegative = 0.003
    d_vv_weight: NotNegative = 0.003
    wav2lip_sync_weight: NotNegative = 0.33
    d_av_temperature: Positive = 0.1
    d_vv_temperature: Positive = 0.1
    sync_switch_on_nearness: Share = 0.15
    dead_discriminator_loss: NotNegative = 0.01
    min_audio_gain_db: NotNegative = 0.1
    copies_reference_margin: Annotated[float, Bound(above=0, below=1)] = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.target_frames + 4
        if self.context_frames < least:
            raise ValueError(
                f"context_frames is {self.context_frames}; give target_frames + 4 = {least} or more"
            )
