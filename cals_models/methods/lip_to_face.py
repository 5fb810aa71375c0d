"""The family of Table 1: one generator, f_phi, that differs in where its units come from and in its sync losses.

They share the settings of the stage `generator`, its training and how a model is opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from cals_models.methods.method import Method
from cals_models.references import ByStage

AudioPath = Literal["wav2lip_audio", "audio_to_lip"]
SyncLoss = Literal["wav2lip_sync", "d_av", "d_vv"]
"""The terms that `cals_models.training.sync_losses` computes."""

PARTS = ByStage(
    settings="cals_models.config.generator:GeneratorConfig",
    generator="cals_models.training.generator:build_stage",
    renders="cals_models.inference.lip_generator:load_generator",
)


@dataclass(frozen=True, kw_only=True)
class LipToFaceMethod(Method):
    """A method of this family.

    Args:
        audio_path: network that turns audio into the units that condition the generator.
        sync_losses: the terms of L_sync.

    Raises:
        ValueError: an unknown audio path or sync loss, no sync loss, or f_theta among the inputs of another audio path.
    """

    audio_path: AudioPath
    sync_losses: tuple[SyncLoss, ...]
    parts: Mapping[str, str] = field(default_factory=lambda: PARTS)
    inputs: tuple[str, ...] = ("sync_encoder", "audio_to_lip")
    settings_name: str = "generator"
    has_units: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for what, values, known in (
            ("audio_path", (self.audio_path,), get_args(AudioPath)),
            ("sync loss", self.sync_losses, get_args(SyncLoss)),
        ):
            for value in values:
                if value not in known:
                    raise ValueError(
                        f"method {self.name}: {what} {value!r}; must be one of {', '.join(known)}"
                    )
        if not self.sync_losses:
            raise ValueError(f"method {self.name}: no sync losses; give at least one sync loss")
        if ("audio_to_lip" in self.inputs) != (self.audio_path == "audio_to_lip"):
            raise ValueError(
                f"method {self.name}: audio_path {self.audio_path!r}, inputs {', '.join(self.inputs)}; name audio_to_lip"
                " as an input where it is the audio path, and nowhere else"
            )
