"""What the docstrings of settings classes say, for the JSON Schema and the reference page."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, asdict, fields
from typing import Any

from assets.project.settings_names import profile_values, settings_class, settings_classes
from cals_models.config.profiles import PROFILES

ENTRY = re.compile(r"    (?P<names>[a-z_0-9]+(?:, [a-z_0-9]+)*): (?P<text>.+)")


def summary(cls: Any) -> str:
    """The docstring above ``Args:``, as paragraphs of one line."""
    text = (inspect.getdoc(cls) or "").split("\nArgs:\n")[0]
    text = text.replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def field_texts(cls: Any) -> dict[str, str]:
    """Field -> what ``Args:`` says about it, in the class or in the bases it has the field from.

    Raises:
        ValueError: a field without a text.
    """
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        texts |= _entries(base.__dict__.get("__doc__") or "")
    names = [field.name for field in fields(cls)]
    missing = [name for name in names if name not in texts]
    if missing:
        raise ValueError(f"{cls.__name__}: say in the docstring's Args what {missing[0]} is")
    return {name: _as_markdown(texts[name]) for name in names}


def _as_markdown(text: str) -> str:
    text = text.replace("``", "`")
    return text[0].upper() + text[1:]


def _entries(docstring: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    names: list[str] = []
    _, _, arguments = inspect.cleandoc(docstring).partition("\nArgs:\n")
    for line in arguments.splitlines():
        if entry := ENTRY.fullmatch(line):
            names = entry["names"].split(", ")
            texts |= dict.fromkeys(names, entry["text"])
        elif line.startswith("        "):
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
        else:
            break
    return texts


def stage_defaults(name: str) -> dict[str, dict[str, Any]]:
    """Profile -> field -> the value that a dataset of this profile has where ``cals.yaml`` says nothing."""
    cls = settings_class(name)
    return {profile: asdict(cls(**profile_values(profile, name))) for profile in PROFILES}


def class_defaults(cls: Any) -> dict[str, Any]:
    """Field -> default, of the fields that have a plain one."""
    return {field.name: field.default for field in fields(cls) if field.default is not MISSING}


def documented_stages() -> dict[str, Any]:
    """Stage, or method with settings of its own -> settings class, in data order."""
    return settings_classes()
