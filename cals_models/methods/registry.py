"""The methods that are compared, as data: what each listens to and how its lips are held to the sound.

Source: Table 1 of CALS (arXiv 2305.19556): the baseline row is Wav2Lip, then Audio-to-Lip, d_av and d_vv
are added one at a time. The controls are not trained: they show what the figures say about no method at all.
"""

from dataclasses import dataclass
from typing import Literal

AudioPath = Literal["none", "wav2lip_audio", "audio_to_lip"]
SyncLoss = Literal["wav2lip_sync", "d_av", "d_vv"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to make lips from sound.

    Args:
        name: the partition's name.
        audio_path: what turns sound into the unit that conditions the generator; `none` for a control.
        sync_losses: the terms of L_sync; empty for a control.
        description: one line for tables and reports.
    """

    name: str
    audio_path: AudioPath
    sync_losses: tuple[SyncLoss, ...]
    description: str

    @property
    def is_trained(self) -> bool:
        """Whether a generator is trained for it."""
        return self.audio_path != "none"


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="ground_truth",
            audio_path="none",
            sync_losses=(),
            description="the stored face crops themselves",
        ),
        Method(
            name="copy_reference",
            audio_path="none",
            sync_losses=(),
            description="the reference frame, unchanged",
        ),
        Method(
            name="wav2lip",
            audio_path="wav2lip_audio",
            sync_losses=("wav2lip_sync",),
            description="0.2 s of mel a frame, Wav2Lip's sync loss",
        ),
        Method(
            name="a2l",
            audio_path="audio_to_lip",
            sync_losses=("wav2lip_sync",),
            description="Audio-to-Lip units, Wav2Lip's sync loss",
        ),
        Method(
            name="a2l_dav",
            audio_path="audio_to_lip",
            sync_losses=("d_av",),
            description="Audio-to-Lip units, d_av",
        ),
        Method(
            name="cals",
            audio_path="audio_to_lip",
            sync_losses=("d_av", "d_vv"),
            description="Audio-to-Lip units, d_av + d_vv",
        ),
    )
}

TRAINED_METHODS: tuple[str, ...] = tuple(name for name, method in METHODS.items() if method.is_trained)


def trained_method(name: str) -> Method:
    """The trained method of that name.

    Raises:
        ValueError: no such method, or a control, for which there is nothing to train.
    """
    if name not in TRAINED_METHODS:
        raise ValueError(f"method {name!r} is not trained; known: {', '.join(TRAINED_METHODS)}")
    return METHODS[name]
