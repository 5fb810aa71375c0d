"""The terms of L_sync by name, as methods list them. Each compares F_v's units of generated frames with a target.

To add one: its name in `cals_models.methods.lip_to_face.SyncLoss`, its function in `cals_models.losses`, its row here.

Source: d_av and d_vv of CALS (arXiv 2305.19556); Wav2Lip's sync loss (arXiv 2008.10010).
Generated lips are float32 (B, S, D) of unit length.

Legend: B samples, S generated frames, L video frames of audio, D = 512.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cals_models.config.generator import GeneratorConfig
from cals_models.losses import sequence_contrast, wav2lip_sync_loss
from cals_models.methods.lip_to_face import SyncLoss
from cals_models.training.clip_units import units_at


@dataclass(frozen=True, kw_only=True)
class SyncTerm:
    """One term of L_sync.

    Args:
        target: what generated lips are compared with: F_a's embeddings of the `audio`, or F_v's units of the real `lips`.
        loss: (generated lips, keys, config) -> scalar.
        weight: of the term in the generator's loss.
    """

    target: Literal["audio", "lips"]
    loss: Callable[[Tensor, "Keys", GeneratorConfig], Tensor]
    weight: Callable[[GeneratorConfig], float]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Units of all frames of the audio's stretch, the whole clip where that is no longer.

    Args:
        units: float32 (B, L, D), of unit length.
        first: int64 (B,), number of the first generated frame.
        counted: bool (B, L), False for padding and for frames without a window of valid frames.
    """

    units: Tensor
    first: Tensor
    counted: Tensor


def _wav2lip_sync(lips: Tensor, audio: Keys, config: GeneratorConfig) -> Tensor:
    return wav2lip_sync_loss(lips, units_at(audio.units, audio.first, lips.shape[1]))


def _d_av(lips: Tensor, audio: Keys, config: GeneratorConfig) -> Tensor:
    return _contrast(lips, audio, config.d_av_temperature)


def _d_vv(lips: Tensor, real_lips: Keys, config: GeneratorConfig) -> Tensor:
    return _contrast(lips, real_lips, config.d_vv_temperature)


def _contrast(lips: Tensor, keys: Keys, temperature: float) -> Tensor:
    return sequence_contrast(lips, keys.units, temperature, first=keys.first, counted=keys.counted)


SYNC_TERMS: dict[SyncLoss, SyncTerm] = {
    "wav2lip_sync": SyncTerm(
        target="audio",
        loss=_wav2lip_sync,
        weight=lambda config: config.wav2lip_sync_weight,
    ),
    "d_av": SyncTerm(target="audio", loss=_d_av, weight=lambda config: config.d_av_weight),
    "d_vv": SyncTerm(target="lips", loss=_d_vv, weight=lambda config: config.d_vv_weight),
}
