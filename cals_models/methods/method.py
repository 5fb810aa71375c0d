"""What a method is: where its conditioning units come from, and which sync losses its generator is trained with."""

from dataclasses import dataclass
from typing import Literal, get_args

AudioPath = Literal["none", "wav2lip_audio", "audio_to_lip"]
SyncLoss = Literal["wav2lip_sync", "d_av", "d_vv"]
"""The terms that `cals_models.training.sync_losses` computes."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to generate lips from audio.

    Args:
        name: the partition's name, as `cals.yaml` lists it.
        label: how tables and the report print it.
        position: order in tables and lists; the published systems of `sql/seeds/method_definitions.csv` have 3, 4 and 6.
            Methods of one position are ordered by name.
        audio_path: network that turns audio into the units that condition the generator; `none` for a control.
        sync_losses: the terms of L_sync; empty for a control.
        description: one line for tables, the report and model cards.

    Raises:
        ValueError: an unknown audio path or sync loss, or a method that is neither trained nor a control.
    """

    name: str
    label: str
    position: int
    audio_path: AudioPath
    sync_losses: tuple[SyncLoss, ...]
    description: str

    def __post_init__(self) -> None:
        known_paths, known_losses = get_args(AudioPath), get_args(SyncLoss)
        if self.audio_path not in known_paths:
            raise ValueError(
                f"method {self.name}: audio_path {self.audio_path!r}; must be one of {', '.join(known_paths)}"
            )
        for loss in self.sync_losses:
            if loss not in known_losses:
                raise ValueError(
                    f"method {self.name}: sync loss {loss!r}; must be one of {', '.join(known_losses)}"
                )
        if self.is_trained != bool(self.sync_losses):
            raise ValueError(
                f"method {self.name}: a trained method needs at least one sync loss, a control has none;"
                f" got audio_path {self.audio_path!r} with {len(self.sync_losses)} sync losses"
            )

    @property
    def is_trained(self) -> bool:
        """Whether a generator is trained for it; a control has none."""
        return self.audio_path != "none"
