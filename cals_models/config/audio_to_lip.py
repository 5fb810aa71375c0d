"""Settings of Audio-to-Lip, f_theta."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import Bound, Count, CountOrZero, NotNegative, ShareBelowOne


@dataclass(frozen=True, kw_only=True)
class AudioToLipConfig(TrainingConfig):
    """f_theta. A sample is one stretch of a clip of at most `sample_frames` video frames.

    Args:
        front_width: channels of the first convolution over the mel; the last has 4 times as many.
        width: channels of a token.
        num_layers: transformer layers.
        num_heads: attention heads; divides `width` into even parts (rotary positions).
        dropout: share of activations dropped in training.
        sample_frames: longest stretch, video frames.
        counted_steps: timesteps in L_a2l. The paper counts the `masked` ones; then f_theta is never taught to use the
            audio of a frame itself. `all` trains units that know more of the mouth (docs/models.md).
        mask_share: largest share of masked video frames (AV-HuBERT: 0.8).
        min_mask_share: smallest; each sample's share is uniform between the two. The paper's form has one share.
        unmasked_share: share of the samples of which nothing is masked; the paper's form has 0.
        mask_span_frames: length of a masked span (AV-HuBERT: 10).
        mel_bins_masked: most neighbouring mel bins that are silenced in a sample (SpecAugment, arXiv 1904.08779).
        level_jitter: largest change of a sample's level, log10 magnitude.
        mask_with: `embedding` puts a learned mel column at masked steps, `zero` silence in normalised units.
    """

    steps: Count = 60_000
    batch_samples: Count = 32
    weight_decay: NotNegative = 0.01
    front_width: Count = 32
    width: Count = 512
    num_layers: Count = 6
    num_heads: Count = 8
    dropout: ShareBelowOne = 0.1
    sample_frames: Annotated[int, Bound(at_least=10)] = 250
    counted_steps: Literal["all", "masked"] = "all"
    mask_share: Annotated[float, Bound(above=0, below=1)] = 0.8
    min_mask_share: Annotated[float, Bound(above=0, below=1)] = 0.02
    unmasked_share: ShareBelowOne = 0.25
    mask_span_frames: Count = 10
    mel_bins_masked: CountOrZero = 0
    level_jitter: NotNegative = 0.0
    mask_with: Literal["embedding", "zero"] = "embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % (2 * self.num_heads):
            raise ValueError(
                f"width: {self.width} does not split into {self.num_heads} heads of even width;"
                " make it a multiple of 2 * num_heads"
            )
        if self.min_mask_share > self.mask_share:
            raise ValueError(
                f"min_mask_share: {self.min_mask_share} is above mask_share, {self.mask_share}; give at most that"
            )
        if self.counted_steps == "masked" and self.unmasked_share:
            raise ValueError(
                f"unmasked_share: {self.unmasked_share} of the samples would count nothing with counted_steps: masked;"
                " make it 0"
            )
