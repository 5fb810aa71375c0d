"""Settings of the network Lip-to-Face and of its training against a discriminator, in every method that generates with it."""

from dataclasses import dataclass
from typing import Literal

from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.declarations.bounds import Count, NotNegative, Positive, Share, ShareBelowOne, Width


@dataclass(frozen=True, kw_only=True)
class LipToFaceConfig(GeneratedFramesConfig):
    """A generator whose network is Lip-to-Face. The weights of L1 and GAN are SyncTalkFace's.

    Args:
        widths: channels at 128, 64, 32, 16, 8 and 4 px.
        blocks_per_level: convolution blocks a resolution of the decoder.
        audio_width: channels of the encoder of 0.2 s of audio (methods `wav2lip`, `synctalkface`); its last layers have
            8 times more.
        discriminator_width: channels of the discriminator's first layer.
        single_frame_share: share of the updates, from the start, whose samples are single frames: S times as many, of as
            many clips. They teach the mouth much sooner than windows, whose frames are alike. f_theta is frozen meanwhile,
            and no sync loss counts.
        known_pixels: `copied` takes the rows that the pose prior shows from it, so that losses and metrics judge only
            generated pixels; `generated` generates the whole crop, as Wav2Lip does.
        output_from: `scratch` generates every pixel, as Wav2Lip does; `reference` moves the reference frame's pixels
            and generates only the change that remains, which a short training learns much sooner.
        finest_maps: `full` has feature maps of 128 px, `half` ends at 64 px, from where each position draws its four pixels:
            less than half the work. With `output_from: reference` the detail comes from the reference all the same.
        discriminator_learning_rate: of the discriminator.
        l1_weight, gan_weight: weights of the loss terms.
        sync_switch_on_nearness: the sync losses count from the first validation on in which generated mouths are
            nearer to the true ones than this share of the way from the reference's. Before that their gradients cost
            what L1 teaches first; 0 counts them from the first update on. One rule for all methods, in place of Wav2Lip's on its expert's loss.
        dead_discriminator_loss: warn if the discriminator's loss stays below this: its gradients teach nothing.
    """

    steps: Count = 200_000
    batch_samples: Count = 40
    adam_beta_1: ShareBelowOne = 0.5
    widths: tuple[Width, Width, Width, Width, Width, Width] = (32, 64, 128, 256, 512, 512)
    blocks_per_level: Count = 2
    audio_width: Width = 32
    discriminator_width: Width = 64
    single_frame_share: Share = 0.0
    known_pixels: Literal["copied", "generated"] = "copied"
    output_from: Literal["scratch", "reference"] = "scratch"
    finest_maps: Literal["full", "half"] = "full"
    discriminator_learning_rate: Positive = 5e-4
    l1_weight: NotNegative = 10.0
    gan_weight: NotNegative = 0.2
    sync_switch_on_nearness: Share = 0.15
    dead_discriminator_loss: NotNegative = 0.01
