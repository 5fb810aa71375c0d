"""Settings of SyncTalkFace, its audio-lip memory and its losses."""

from dataclasses import dataclass
from typing import Annotated

from cals_models.config.lip_to_face import LipToFaceConfig
from cals_models.declarations.bounds import Bound, NotNegative, Positive, Share


@dataclass(frozen=True, kw_only=True)
class SyncTalkFaceConfig(LipToFaceConfig):
    """SyncTalkFace. A sample is `target_frames` consecutive frames of one clip. All weights are the original's.

    Args:
        memory_slots: S, pairs of a stored mouth and the audio that leads to it.
        address_sharpness: kappa, by which cosines are multiplied before the softmax over the slots. The original does
            not state it. Sharper addresses name one slot, blunter ones blend many.
        store_weight, align_weight: of the memory's losses: what is read by a mouth's own address must be that mouth; the
            audio's address must be the mouth's.
        audio_visual_weight, visual_visual_weight: of the sync losses.
        max_unused_slots_share: warn if more of the slots than this are not used by any mouth.
        max_address_entropy_share: warn if a mouth's address spreads over the slots by more than this share of log S:
            every mouth is then stored as the same blend.
        min_address_gain: warn if the audio's address is no nearer to the mouth's than by this share of the distance of
            an address that ignores the audio.
    """

    memory_slots: Annotated[int, Bound(at_least=2)] = 96
    address_sharpness: Positive = 16.0
    store_weight: NotNegative = 0.2
    align_weight: NotNegative = 0.2
    audio_visual_weight: NotNegative = 0.2
    visual_visual_weight: NotNegative = 0.2
    max_unused_slots_share: Share = 0.5
    max_address_entropy_share: Share = 0.9
    min_address_gain: Share = 0.1


_TINY: dict[str, object] = {
    "steps": 2_000,
    "warmup_steps": 50,
    "single_frame_share": 2 / 3,
    "learning_rate": 5e-4,
    "adam_beta_1": 0.9,
    "ema_decay": 0.99,
    "batch_samples": 3,
    "widths": (16, 32, 64, 96, 128, 128),
    "output_from": "reference",
    "finest_maps": "half",
    "blocks_per_level": 1,
    "audio_width": 16,
    "discriminator_width": 16,
    "validate_every_steps": 200,
    "validation_clips": 16,
    "checkpoint_every_steps": 200,
    "log_every_steps": 10,
    "clip_cache_bytes": 512 * 1024**2,
    "frame_cache_bytes": 768 * 1024**2,
}

PROFILES: dict[str, dict[str, object]] = {"paper": {}, "tiny": _TINY}
"""Settings that differ from the defaults, by profile."""
