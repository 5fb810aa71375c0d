"""The trained stages that all methods share, and settings from plain values: a job, a model's description."""

from collections.abc import Mapping
from dataclasses import fields

from cals_models.config.training import TrainingConfig
from cals_models.declarations.declared import did_you_mean
from cals_models.references import ByStage, load

CONFIGS = ByStage(
    sync_encoder="cals_models.config.sync_encoder:SyncEncoderConfig",
    audio_to_lip="cals_models.config.audio_to_lip:AudioToLipConfig",
    lse_evaluator="cals_models.config.lse_evaluator:LseEvaluatorConfig",
)


def config_class(stage: str) -> type[TrainingConfig]:
    """The settings class of a trained stage.

    Raises:
        ValueError: it is not trained.
    """
    if stage not in CONFIGS:
        raise ValueError(f"stage {stage!r} is not trained; known: {', '.join(CONFIGS)}")
    cls: type[TrainingConfig] = load(CONFIGS[stage])
    return cls


def config_from_fields(stage: str, values: Mapping[str, object], *, where: str = "") -> TrainingConfig:
    """Settings of a stage from plain values, as JSON or YAML give them; fields left out have their default.

    Args:
        stage: a trained stage whose settings are the same for all methods.
        values: field -> value.
        where: the file that holds them, for the message.

    Raises:
        ValueError: unknown stage or field, or a value that its field does not admit.
    """
    return checked_config(config_class(stage), stage, values, where=where)


def checked_config(
    cls: type[TrainingConfig], name: str, values: Mapping[str, object], *, where: str = ""
) -> TrainingConfig:
    """Settings of a class from plain values.

    Args:
        cls: settings class.
        name: of the settings, for the message.
        values: field -> value.
        where: the file that holds them, for the message.

    Raises:
        ValueError: unknown field, or a value that its field does not admit.
    """
    place = f"{where}: {name}" if where else name
    known = sorted(field.name for field in fields(cls))
    for field_name in values:
        if field_name not in known:
            near = did_you_mean(field_name, known)
            raise ValueError(f"{place}.{field_name}: no such setting{near}; known: {', '.join(known)}")
    try:
        return cls(**values)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"{place}.{error}") from error
