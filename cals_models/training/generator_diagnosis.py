"""Known ways in which the training of a generator goes wrong, or ends too soon, by the metrics that show them."""

from collections.abc import Mapping
from typing import Protocol

from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.config.lip_to_face import LipToFaceConfig
from cals_models.training.stage import Diagnosis

PLATEAU_GAIN = 0.02
"""At a plateau `reference_nearness` gains less than this ..."""
PLATEAU_STEPS = 500
"""... in this many updates."""


class JudgedConfig(Protocol):
    """Settings of a training against a discriminator, whatever it generates with."""

    @property
    def steps(self) -> int: ...
    @property
    def dead_discriminator_loss(self) -> float: ...


def train_diagnoses(config: JudgedConfig, train: Mapping[str, float], step: int) -> list[Diagnosis]:
    """`dead_discriminator`, from the metrics of training (none where there are no new ones)."""
    is_late = step >= config.steps // 2
    if not train or not is_late or train["discriminator_loss"] >= config.dead_discriminator_loss:
        return []
    return [
        Diagnosis(
            name="dead_discriminator",
            text=f"the discriminator's loss is {train['discriminator_loss']:.4f}: it separates real from generated frames"
            " without error, so the generator learns nothing from it; lower discriminator_learning_rate or"
            " discriminator_width",
        )
    ]


def val_diagnoses(
    config: LipToFaceConfig, val: Mapping[str, float], step: int, *, sync_is_on: bool, is_last: bool
) -> list[Diagnosis]:
    """`sync_never_switched_on` and what `mouth_diagnoses` names, from the metrics of a validation (or none)."""
    found = mouth_diagnoses(config, val, step)
    if not val or not is_last or sync_is_on:
        return found
    never = Diagnosis(
        name="sync_never_switched_on",
        text=f"generated mouths were {val['reference_nearness']:.2f} of the way from the reference's to the true"
        f" ones at the end, never above {config.sync_switch_on_nearness}, so the sync losses had no weight:"
        " train longer, check that audio and video are in sync, or lower sync_switch_on_nearness",
    )
    return [never, *found]


def mouth_diagnoses(config: GeneratedFramesConfig, val: Mapping[str, float], step: int) -> list[Diagnosis]:
    """`ignores_audio`, `copies_reference`, from the metrics of a validation (or none), in the second half of a training."""
    found = []
    is_late = step >= config.steps // 2
    if val and is_late and val["audio_gain"] < config.min_audio_gain_db:
        found.append(
            Diagnosis(
                name="ignores_audio",
                text=f"a clip's own audio brings {val['audio_gain']:.2f} dB of PSNR in the mouth over another clip's:"
                " the mouths do not follow the audio; train longer, check that audio and video are in sync, and the"
                " units of audio_to_lip",
            )
        )
    if val and is_late and val["reference_nearness"] < config.copies_reference_margin:
        found.append(
            Diagnosis(
                name="copies_reference",
                text=f"generated mouths are only {val['reference_nearness']:.2f} of the way from the reference's to the"
                " true ones: train longer, check that audio and video are in sync, raise the sync weights",
            )
        )
    return found


def plateau_diagnoses(config: GeneratedFramesConfig, nearness: Mapping[int, float]) -> list[Diagnosis]:
    """`not_at_plateau`, from the nearness at each validation by step: methods cannot be compared yet.

    Below `copies_reference_margin` nothing has been learned that could be at its plateau. Else the gain is measured from the newest validation that lies 500 updates back, or in a shorter training a third of it,
    and scaled to 500 updates.
    """
    if not nearness:
        return []
    last = max(nearness)
    if nearness[last] < config.copies_reference_margin:
        return [
            Diagnosis(
                name="not_at_plateau",
                text=f"generated mouths were only {nearness[last]:.3f} of the way to the true ones at step {last}, so the"
                " learning had hardly begun: train longer before methods are compared",
            )
        ]
    span = min(PLATEAU_STEPS, max(1, last // 3))
    earlier = [step for step in nearness if step <= last - span]
    if not earlier:
        return [
            Diagnosis(name="not_at_plateau", text=f"{last} steps are too few to see an end of the learning")
        ]
    start = max(earlier)
    gain = (nearness[last] - nearness[start]) * PLATEAU_STEPS / (last - start)
    if gain < PLATEAU_GAIN:
        return []
    return [
        Diagnosis(
            name="not_at_plateau",
            text=f"generated mouths still came nearer to the true ones, from {nearness[start]:.3f} of the way at step"
            f" {start} to {nearness[last]:.3f} at step {last}: train longer before methods are compared",
        )
    ]
