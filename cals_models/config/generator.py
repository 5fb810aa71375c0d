"""Settings of the generator, f_phi, and its discriminator."""

from dataclasses import dataclass

from cals_models.config.lip_to_face import LipToFaceConfig
from cals_models.declarations.bounds import NotNegative, Positive


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig(LipToFaceConfig):
    """f_phi and the discriminator. A sample is `target_frames` consecutive frames of one clip.

    The weights of L1 and GAN are SyncTalkFace's (10 and 0.2); Wav2Lip's sync loss has the ratio to L1 that Wav2Lip gives
    it (0.03 to 0.9); those of d_av and d_vv are chosen by measurement (docs/benchmarks.md).

    Args:
        finetune_audio_to_lip: train f_theta along with the generator.
        audio_to_lip_learning_rate_share: f_theta's learning rate, as a share of the generator's.
        d_av_weight, d_vv_weight, wav2lip_sync_weight: weights of the sync losses.
        d_av_temperature, d_vv_temperature: of the softmax over the windows of the clip; the paper's form has none, which
            is 1. At 0.1 both lead to the true mouth and leave it there (docs/benchmarks.md); their weights are small, since
            larger ones cost image quality and LMD.
    """

    finetune_audio_to_lip: bool = True
    audio_to_lip_learning_rate_share: NotNegative = 0.1
    d_av_weight: NotNegative = 0.003
    d_vv_weight: NotNegative = 0.003
    wav2lip_sync_weight: NotNegative = 0.33
    d_av_temperature: Positive = 0.1
    d_vv_temperature: Positive = 0.1
