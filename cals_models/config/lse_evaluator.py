"""Settings of the LSE evaluator, network S of SyncNet."""

from dataclasses import dataclass

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import Count, CountOrZero, ShareAboveZero


@dataclass(frozen=True, kw_only=True)
class LseEvaluatorConfig(TrainingConfig):
    """Network S of the public SyncNet, trained in the pipeline. A sample is one window of frames and its audio.

    Its seed differs from the sync encoder's: the evaluator is never the network in the loss.

    Args:
        width_factor: share of network S's channels; 1 is the public network.
        other_moments: audio windows of the same clip at other moments that are negatives of a window of frames, beside
            the other samples of the batch: half of them the nearest (1, 2, ... frames away), half from up to 15 frames
            away, the reach of LSE. They are cheap: network S's audio branch costs an eighth of its visual branch.
    """

    steps: Count = 60_000
    batch_samples: Count = 256
    samples_per_clip: Count = 8
    width_factor: ShareAboveZero = 1.0
    other_moments: CountOrZero = 8
    seed: CountOrZero = 1_000
