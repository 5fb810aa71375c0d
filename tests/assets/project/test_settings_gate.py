"""The check of ``cals.yaml`` and the constructors give the same verdicts, from the same declarations."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.project.graph import STAGES
from assets.project.layouts import LAYOUT_OPTIONS
from assets.project.settings import Dataset
from assets.project.settings_gate import checked_fields
from assets.project.settings_names import settings_class
from cals_models.declarations.bounds import Bound
from cals_models.declarations.declared import Declared, admitted, declared_fields
from cals_models.methods.configs import TRAINED_STAGES, model_config, model_config_class
from cals_models.references import load

CLASSES: dict[str, Any] = {stage: settings_class(stage) for stage in STAGES} | {
    "dataset": Dataset,
    "options": load(LAYOUT_OPTIONS),
}
ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=7,
)
ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 8, 9, 0.0, 1.0, 1.5, -0.5, 1e-300, math.nan, math.inf, -math.inf, 10**400, 2**63,
    "", "no", "true", "1", "1e-4", "auto", "auto\n", "cuda:1", "cuda:x", "\ud800", b"1", [], [1], [True], [1.0], ["cals"],
    [[1]], [8] * 6, [8] * 7, [0, 1, 2, 3], {}, {"a": 1}, {1},
]  # fmt: skip


def verdict_of_the_gate(cls: Any, name: str, value: Any) -> str:
    # the required fields of a dataset are given, so that only this one decides
    values = {"name": "a", "layout": "grid", "root": "x"} if cls is Dataset else {}
    try:
        checked_fields(cls, values | {name: value}, "here")
    except ValueError as error:
        return str(error)
    return ""


def verdict_of_the_constructor(name: str, value: Any, field: Declared) -> str:
    try:
        admitted(f"here.{name}", value, field)
    except ValueError as error:
        return str(error)
    return ""


def near_the_bounds(field: Declared) -> Iterator[Any]:
    """Each bound, its neighbours, and lists of them; the names that are admitted."""
    for part in (field, *field.items):
        near: list[Any] = [*(part.names or ())]
        if isinstance(part.limit, Bound):
            bound = part.limit
            for end in (bound.at_least, bound.above, bound.at_most, bound.below, bound.multiple_of):
                if end is not None:
                    near += [int(end), int(end) - 1, int(end) + 1, float(end)]
                    near += [math.nextafter(end, -math.inf), math.nextafter(end, math.inf)]
        yield from near
        yield from ([value] * count for value in near for count in {1, 4, max(1, len(field.items))})


@pytest.mark.parametrize("name", CLASSES)
def test_both_checks_agree_on_odd_values(name: str) -> None:
    cls = CLASSES[name]
    for field, declared in declared_fields(cls).items():
        for value in (*ODD_VALUES, *near_the_bounds(declared)):
            expected = verdict_of_the_constructor(field, value, declared)
            assert verdict_of_the_gate(cls, field, value) == expected, (field, value)


@settings(max_examples=60, deadline=None)
@given(value=ANY_VALUE)
@pytest.mark.parametrize("name", CLASSES)
def test_both_checks_agree_on_any_value(name: str, value: Any) -> None:
    cls = CLASSES[name]
    for field, declared in declared_fields(cls).items():
        assert verdict_of_the_gate(cls, field, value) == verdict_of_the_constructor(field, value, declared)


@pytest.mark.parametrize("stage", TRAINED_STAGES)
def test_a_job_is_rejected_by_the_sentence_of_the_file(stage: str) -> None:
    method = "cals" if stage == "generator" else None
    cls = model_config_class(stage, method)
    for field in declared_fields(cls):
        for value in ODD_VALUES:
            try:
                checked_fields(cls, {field: value}, stage)
                cls(**{field: value})
                expected = ""
            except ValueError as error:
                expected = str(error)
            try:
                model_config(stage, method, {field: value})
                found = ""
            except ValueError as error:
                found = str(error)
            assert found in (expected, f"{stage}.{expected}"), (field, value)


def test_an_unknown_key_comes_first() -> None:
    with pytest.raises(
        ValueError, match=r"^here: no such key 'stesp' \(did you mean 'steps'\?\); known: acc"
    ):
        checked_fields(model_config_class("generator", "cals"), {"compile": "no", "stesp": 1}, "here")
    with pytest.raises(ValueError, match=r"^here: no such key 1; known: "):
        checked_fields(model_config_class("generator", "cals"), {1: 1}, "here")
    with pytest.raises(ValueError, match=r"^here: root is missing$"):
        checked_fields(Dataset, {"layout": "grid"}, "here", without=("name",))


def test_the_check_loads_the_core_alone_and_the_declarations_nothing() -> None:
    """Importing pydantic itself takes longer than all else that a command with nothing to do imports."""
    code = (
        "import sys, {module}\n"
        "sys.exit(sum(name in sys.modules for name in ('pydantic', 'annotated_types', 'torch', {more})))"
    )
    for module, more in (
        ("assets.project.settings", "'numpy'"),
        ("cals_models.config.stages", "'pydantic_core'"),
    ):
        done = subprocess.run([sys.executable, "-c", code.format(module=module, more=more)], check=False)
        assert done.returncode == 0, module
