"""Declared types and bounds: what is admitted, and the sentence for what is not."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from cals_models.declarations.bounds import Bound, Count, Items, OneOf, Pattern, Positive, Share, Width
from cals_models.declarations.declared import admitted, declared_fields
from cals_models.declarations.settings import Settings

TABLE = {"lrs2": 1, "grid": 2}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(Settings):
    """One field of each kind.

    Args:
        all: fields.
    """

    steps: Count = 1
    rate: Positive = 0.1
    share: Share = 0.5
    level: Annotated[float, Bound(below=0)] = -1.0
    half_open: Annotated[float, Bound(above=0, at_most=1)] = 1.0
    even: Annotated[int, Bound(at_least=32, multiple_of=2)] = 32
    quality: Annotated[int, Bound(at_least=1, at_most=100)] = 95
    compile: bool = True
    note: str = ""
    mode: Literal["copied", "generated"] = "copied"
    policy: Literal["only"] = "only"
    layout: Annotated[str, OneOf(TABLE)] = "grid"
    device: Annotated[str, Pattern(regex="auto|cuda(:[0-9]+)?", text="auto or cuda:N")] = "auto"
    folder: Path = Path()
    to: Count | None = None
    widths: tuple[Width, Width] = (8, 8)
    windows: Annotated[tuple[Count, ...], Items(at_least=2)] = (1, 2)
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "values",
    [
        {"rate": 3, "share": 1, "level": -66},
        {"widths": [16, 8], "windows": [3, 1]},
        {"device": "cuda:12", "folder": "a/b", "to": None},
        {"half_open": 1.0, "even": 34, "quality": 100, "steps": 10**30},
    ],
)
def test_admitted(values: dict[str, Any]) -> None:
    example = Example(**values)
    for name, value in values.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert getattr(example, name) == (Path(value) if name == "folder" else expected)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("steps", 0, "steps is 0; give 1 or more"),
        ("steps", True, "steps is true; give a whole number, 1 or more"),
        ("steps", 1.0, "steps is 1.0; give a whole number, 1 or more"),
        ("steps", "7", "steps is '7'; give a whole number, 1 or more; write it without quotes: 7"),
        ("steps", None, "steps is empty; give a whole number, 1 or more"),
        ("steps", datetime.date(2026, 1, 2), "steps is 2026-01-02; give a whole number, 1 or more"),
        ("rate", "1e-4", "rate is '1e-4'; give a number above 0; write it without quotes: 0.0001"),
        ("rate", 0, "rate is 0; give above 0"),
        ("rate", float("nan"), "rate is nan; give a number above 0"),
        ("rate", float("inf"), "rate is inf; give a number above 0"),
        ("rate", 10**400, f"rate is 1{'0' * 76}...; give a number above 0"),
        ("rate", False, "rate is false; give a number above 0"),
        ("share", 1.5, "share is 1.5; give a share from 0 to 1"),
        ("level", 0.0, "level is 0.0; give below 0"),
        ("half_open", 0.0, "half_open is 0.0; give in (0, 1]"),
        ("even", 127, "even is 127; give an even number, 32 or more"),
        ("quality", 0, "quality is 0; give 1 to 100"),
        ("compile", "no", "compile is 'no'; give true or false"),
        ("compile", 1, "compile is 1; give true or false"),
        ("note", 5, "note is 5; give text"),
        ("note", "\ud800", "note is '\\ud800'; give text"),
        ("mode", "copy", "mode is 'copy' (did you mean 'copied'?); one of copied, generated"),
        ("mode", True, "mode is true; one of copied, generated"),
        ("policy", "x", "policy is 'x'; give only"),
        ("layout", "lsr2", "layout: unknown 'lsr2' (did you mean 'lrs2'?); one of lrs2, grid"),
        ("device", "gpu", "device is 'gpu'; give auto or cuda:N"),
        ("device", "auto\n", "device is 'auto\\n'; give auto or cuda:N"),
        ("folder", 3, "folder is 3; give a path"),
        ("to", 0, "to is 0; give 1 or more"),
        ("widths", [8], "widths is [8]; give a list of 2 multiples of 8, each 8 or more"),
        ("widths", (8, 9), "widths[1] is 9; give a multiple of 8, 8 or more"),
        ("windows", [1], "windows is [1]; give a list of 2 or more whole numbers, each 1 or more"),
        ("windows", [1, True], "windows[1] is true; give a whole number, 1 or more"),
        ("names", "cals", "names is 'cals'; give a list of texts, such as [cals]"),
        ("names", {"a": 1}, "names is {'a': 1}; give a list of texts"),
    ],
)
def test_a_wrong_value_is_one_sentence(name: str, value: object, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        Example(**{name: value})  # type: ignore[arg-type]
    assert str(caught.value) == says


def test_a_place_goes_before_the_sentence() -> None:
    with pytest.raises(ValueError, match=r"^datasets\.a\.steps is 0; "):
        admitted("datasets.a.steps", 0, declared_fields(Example)["steps"])


def test_a_field_that_is_left_out_is_checked_too() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Wrong(Settings):
        steps: int = "many"  # type: ignore[assignment]

    declared_fields(Wrong)
    with pytest.raises(ValueError, match="steps is 'many'"):
        Wrong()


def test_a_field_without_effect_decides_nothing() -> None:
    from cals_models.config.training import TrainingConfig
    from cals_models.declarations.declared import deciding_values, fields_without_effect

    free = ("checkpoint_every_steps", "log_every_steps", "frame_cache_bytes")
    assert fields_without_effect(TrainingConfig) == free
    one = deciding_values(TrainingConfig(steps=2, batch_samples=1))
    other = deciding_values(
        TrainingConfig(
            steps=2, batch_samples=1, log_every_steps=3, checkpoint_every_steps=7, frame_cache_bytes=9
        )
    )
    assert one == other and not set(free) & set(one) and one["steps"] == 2
    assert deciding_values(TrainingConfig(steps=3, batch_samples=1)) != one


def test_a_whole_number_is_a_float_where_the_field_is_one() -> None:
    from cals_models.config.training import TrainingConfig

    config = TrainingConfig(steps=2, batch_samples=1, learning_rate=1, weight_decay=0)
    assert (
        repr(config.learning_rate) == "1.0"
        and repr(config.weight_decay) == "0.0"
        and repr(config.steps) == "2"
    )
