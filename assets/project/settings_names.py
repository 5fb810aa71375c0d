"""The names under which ``cals.yaml`` gives settings: the stages, and the methods that have settings of their own."""

from __future__ import annotations

from typing import Any

from assets.project.graph import STAGES
from cals_models.config.profiles import PROFILES
from cals_models.methods.registry import METHODS
from cals_models.references import load


def settings_classes() -> dict[str, Any]:
    """Name -> settings class, in data order; a method's follow those of the stage that trains it."""
    classes: dict[str, Any] = {}
    for stage in STAGES.values():
        classes[stage.name] = load(stage.settings)
        if stage.settings_by_method:
            classes |= {name: load(_settings_of(name)) for name in methods_with_settings()}
    return classes


def methods_with_settings() -> list[str]:
    """Names of the methods whose settings stand under their own name."""
    own = [name for name, method in METHODS.items() if method.is_trained and not method.settings_name]
    shared = next((name for name in own if name in STAGES), None)
    assert shared is None, f"method {shared} has the name of a stage; give it another"
    return own


def settings_name(stage: str, method: str | None) -> str:
    """Under which name ``cals.yaml`` gives the settings of a partition."""
    if method is None or not STAGES[stage].settings_by_method or not METHODS[method].is_trained:
        return stage
    return METHODS[method].settings_name or method


def settings_class(name: str) -> Any:
    """The settings dataclass of a name."""
    return load(STAGES[name].settings if name in STAGES else _settings_of(name))


def profile_values(profile: str, name: str) -> dict[str, Any]:
    """The values that a profile gives to the settings of a name."""
    if name in STAGES:
        return dict(PROFILES[profile].get(name, {}))
    profiles = METHODS[name].parts.get("profiles")
    return dict(load(profiles).get(profile, {})) if profiles else {}


def _settings_of(method: str) -> str:
    return METHODS[method].parts["settings"]
