"""Settings of a trained stage from plain values; of a generator those of its method."""

from collections.abc import Mapping
from typing import Any

from cals_models.config.stages import CONFIGS, checked_config, config_class
from cals_models.config.training import TrainingConfig
from cals_models.methods.registry import trained_method
from cals_models.references import load

GENERATOR = "generator"
"""The stage whose partitions are methods: each chooses its settings, training and opener."""
TRAINED_STAGES = (*CONFIGS, GENERATOR)


def model_config_class(stage: str, method: str | None) -> type[TrainingConfig]:
    """The settings class of a trained stage, of a generator that of its method.

    Raises:
        ValueError: the stage or the method is not trained.
    """
    if stage != GENERATOR:
        return config_class(stage)
    cls: type[TrainingConfig] = load(trained_method(str(method)).parts["settings"])
    return cls


def model_config(
    stage: str, method: str | None, values: Mapping[str, Any], *, where: str = ""
) -> TrainingConfig:
    """Settings from plain values, as JSON or YAML give them; fields left out have their default.

    Args:
        stage: a trained stage.
        method: of a generator, else None.
        values: field -> value.
        where: the file that holds them, for the message.

    Raises:
        ValueError: unknown stage, method or field, or a value that its field does not admit.
    """
    name = stage if method is None else trained_method(method).settings_name or method
    return checked_config(model_config_class(stage, method), name, values, where=where)
