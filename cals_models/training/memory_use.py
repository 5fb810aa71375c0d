"""How an audio-lip memory is used on held-out clips, and known ways in which it is of no use.

Legend: N frames, S slots, D = 512.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.losses import memory_align_loss
from cals_models.networks.synctalkface import AudioLipMemory
from cals_models.training.stage import Diagnosis

UNUSED_SHARE = 0.1
"""A slot is unused where its mean address is below this share of 1 / S."""


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """What was measured on N frames.

    Args:
        lip_address_entropy, audio_address_entropy: mean entropy of an address, nats; log S spreads over all slots.
        unused_slots: slots that no mouth uses.
        align: mean KL(A_lip || A_aud), nats.
        align_chance: the same for the mean address of the mouths in place of the audio's.
        stored_share: share of the variance of lip features that is read by their own address.
        recalled_share: the same by the address of the audio; 0 or less for audio that recalls nothing.
    """

    lip_address_entropy: float
    audio_address_entropy: float
    unused_slots: float
    align: float
    align_chance: float
    stored_share: float
    recalled_share: float


def memory_use(memory: AudioLipMemory, lips: Tensor, audio: Tensor) -> MemoryUse:
    """Measures a memory.

    Args:
        memory: in evaluation mode.
        lips: float (N, D), lip features of frames.
        audio: float (N, D), audio features of the same frames.
    """
    by_lips, by_audio = memory.log_address(lips, "lip"), memory.log_address(audio, "audio")
    log_mean = by_lips.logsumexp(0) - math.log(len(by_lips))  # finite for a slot of no measurable share too
    variance = (lips - lips.mean(0)).square().mean()
    return MemoryUse(
        lip_address_entropy=_entropy(by_lips),
        audio_address_entropy=_entropy(by_audio),
        unused_slots=float((log_mean.exp() < UNUSED_SHARE / len(log_mean)).sum().item()),
        align=memory_align_loss(by_lips, by_audio).item(),
        align_chance=memory_align_loss(by_lips, log_mean.expand_as(by_lips)).item(),
        stored_share=1 - ((memory.read(by_lips) - lips).square().mean() / variance).item(),
        recalled_share=1 - ((memory.read(by_audio) - lips).square().mean() / variance).item(),
    )


def _entropy(log_address: Tensor) -> float:
    return -(log_address.exp() * log_address).sum(-1).mean().item()


def memory_diagnoses(config: SyncTalkFaceConfig, val: Mapping[str, float], step: int) -> list[Diagnosis]:
    """`memory_addresses_blurred`, `memory_slots_unused`, `audio_misses_memory`, in the second half of a training.

    A value that is not a number is beyond each limit.

    Args:
        config: the limits.
        val: metrics of a validation, the fields of `MemoryUse` among them; or none.
        step: updates done.
    """
    if not val or step < config.steps // 2:
        return []
    found = []
    num_slots, most = config.memory_slots, math.log(config.memory_slots)
    if not val["lip_address_entropy"] <= config.max_address_entropy_share * most:
        found.append(
            Diagnosis(
                name="memory_addresses_blurred",
                text=f"a mouth's address has an entropy of {val['lip_address_entropy']:.2f} nats of at most {most:.2f}: every"
                " mouth is stored as the same blend of all slots; raise address_sharpness or store_weight",
            )
        )
    if not val["unused_slots"] <= config.max_unused_slots_share * num_slots:
        found.append(
            Diagnosis(
                name="memory_slots_unused",
                text=f"{val['unused_slots']:.0f} of {num_slots} slots are used by no mouth: lower memory_slots or"
                " address_sharpness, or train on more varied speech",
            )
        )
    if not val["align"] <= (1 - config.min_address_gain) * val["align_chance"]:
        found.append(
            Diagnosis(
                name="audio_misses_memory",
                text=f"the audio's address is {val['align']:.2f} nats from the mouth's, an address that ignores the audio"
                f" {val['align_chance']:.2f}: audio recalls no mouths; train longer, raise align_weight, check that audio and"
                " video are in sync",
            )
        )
    return found
