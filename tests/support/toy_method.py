"""A method with settings and needs of its own, added to this process's table of methods for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assets.project.settings_gate import _validator
from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import Count
from cals_models.declarations.declared import _declared_fields
from cals_models.methods.method import Method, Needs
from cals_models.methods.registry import METHOD_MODULES, METHODS
from cals_models.references import ByStage

NAME = "toy"
HERE = "tests.support.toy_method"


@dataclass(frozen=True, kw_only=True)
class ToyConfig(TrainingConfig):
    """The toy's settings.

    Args:
        window_frames: video frames of a sample.
    """

    steps: Count = 700
    batch_samples: Count = 2
    window_frames: Count = 64


PROFILES: dict[str, dict[str, object]] = {"tiny": {"steps": 30}}

METHOD = Method(
    name=NAME,
    label="Toy",
    position=99,
    description="added for a test",
    parts=ByStage(
        settings="tests.support.toy_method:ToyConfig",
        profiles="tests.support.toy_method:PROFILES",
        generator="tests.support.toy_method:build_stage",
        renders="tests.support.toy_method:open_toy",
    ),
    inputs=("sync_encoder",),
    needs=Needs(speakers=True, words=True, clip_frames="window_frames"),
    draws="whole_crop",
    differs="it is a toy",
    is_optional=True,
)


@contextmanager
def with_toy() -> Iterator[Method]:
    """The table of methods with the toy in it."""
    METHODS[NAME] = METHOD
    METHOD_MODULES[NAME] = METHOD_MODULES["cals"]  # code that a partition of it chooses
    _forget()
    try:
        yield METHOD
    finally:
        del METHODS[NAME], METHOD_MODULES[NAME]
        _forget()


def _forget() -> None:
    """What is remembered of the declarations that name methods."""
    _declared_fields.cache_clear()
    _validator.cache_clear()
