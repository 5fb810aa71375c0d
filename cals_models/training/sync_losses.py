"""The terms of L_sync by name, as methods list them. Each compares F_v's units of generated frames with a target.

To add one: its name in `cals_models.methods.method.SyncLoss`, its function in `cals_models.losses`, its row here.

Source: d_av and d_vv of CALS (arXiv 2305.19556); Wav2Lip's sync loss and the rule that enables it (arXiv 2008.10010).
Legend: B samples, W windows a sample, D = 512.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cals_models.config.generator import GeneratorConfig
from cals_models.losses import sequence_contrast, wav2lip_sync_loss
from cals_models.methods.method import SyncLoss


@dataclass(frozen=True, kw_only=True)
class SyncTerm:
    """One term of L_sync.

    Args:
        target: what generated lips are compared with: F_a's embeddings of the `audio`, or F_v's units of the `real` frames.
        loss: (lips, target, config) -> scalar, with lips and target (B, W, D) float32 of unit length.
        weight: of the term in the generator's loss.
        waits_for_expert: weight 0 until the expert's loss on generated frames falls below `sync_switch_on_loss`.
    """

    target: Literal["audio", "real"]
    loss: Callable[[Tensor, Tensor, GeneratorConfig], Tensor]
    weight: Callable[[GeneratorConfig], float]
    waits_for_expert: bool = False


def _wav2lip_sync(lips: Tensor, audio: Tensor, config: GeneratorConfig) -> Tensor:
    return wav2lip_sync_loss(lips, audio)


def _d_av(lips: Tensor, audio: Tensor, config: GeneratorConfig) -> Tensor:
    return sequence_contrast(lips, audio, config.d_av_temperature)


def _d_vv(lips: Tensor, real_lips: Tensor, config: GeneratorConfig) -> Tensor:
    return sequence_contrast(lips, real_lips, config.d_vv_temperature)


SYNC_TERMS: dict[SyncLoss, SyncTerm] = {
    "wav2lip_sync": SyncTerm(
        target="audio",
        loss=_wav2lip_sync,
        weight=lambda config: config.wav2lip_sync_weight,
        waits_for_expert=True,
    ),
    "d_av": SyncTerm(target="audio", loss=_d_av, weight=lambda config: config.d_av_weight),
    "d_vv": SyncTerm(target="real", loss=_d_vv, weight=lambda config: config.d_vv_weight),
}
