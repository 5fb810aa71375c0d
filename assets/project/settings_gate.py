"""The strict check of ``cals.yaml``: plain values against what a settings class declares, by pydantic's core.

The constructors check the same declarations without pydantic, also where a training runs with only torch; a test holds
both to the same verdicts. The core is used by itself since importing pydantic would add 0.1 s to every command.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

from cals_models.declarations.bounds import Bound, Pattern
from cals_models.declarations.declared import Declared, admitted, declared_fields, did_you_mean


def checked_fields(
    cls: Any, values: Mapping[Any, Any], at: str, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Checks values by field; checks that concern several fields are the constructor's.

    Args:
        cls: the settings dataclass.
        values: field -> value as YAML gives it. Fields with a default may be left out.
        at: where the values are written, such as ``datasets.small.settings.mels``.
        without: fields that are not written there.

    Returns:
        The values, with tuples for lists.

    Raises:
        ValueError: where, what the value is, and what would be right: an unknown or missing field, a wrong type, or a
            value out of bounds.
    """
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        _validator(cls, without).validate_python(given, strict=True)
    except ValidationError as error:
        raise ValueError(_sentence(cls, values, at, without, error)) from error
    return given


def check_keys(at: str, values: Mapping[Any, Any], known: Collection[str]) -> None:
    """Raises a ``ValueError`` that names the first unknown key and the nearest known one."""
    for key in values:
        if key not in known:
            near = did_you_mean(key, known)
            raise ValueError(f"{at}: no such key {key!r}{near}; known: {', '.join(sorted(known))}")


def fields_schema(cls: Any, without: tuple[str, ...] = ()) -> CoreSchema:
    """pydantic-core's schema of a mapping with the fields of a settings class."""
    needed = {
        field.name for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING
    }
    return core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(_value_schema(field), required=name in needed)
            for name, field in declared_fields(cls).items()
            if name not in without
        },
        extra_behavior="forbid",
    )


@cache
def _validator(cls: Any, without: tuple[str, ...]) -> SchemaValidator:
    return SchemaValidator(fields_schema(cls, without))


def _value_schema(field: Declared) -> CoreSchema:
    if field.optional:
        return core_schema.nullable_schema(_plain_schema(field))
    return _plain_schema(field)


def _plain_schema(field: Declared) -> CoreSchema:
    if field.names is not None:
        return core_schema.literal_schema(list(field.names))
    if field.kind is tuple:
        return core_schema.tuple_schema(
            [_value_schema(item) for item in field.items],
            variadic_item_index=0 if field.repeats else None,
            min_length=field.min_items or None,
        )
    limit: dict[str, Any] = {}
    if isinstance(field.limit, Bound):
        bound = field.limit
        ends = {"ge": bound.at_least, "gt": bound.above, "le": bound.at_most, "lt": bound.below}
        limit = {name: end for name, end in ends.items() if end is not None}
        if bound.multiple_of is not None:
            limit["multiple_of"] = bound.multiple_of
    if isinstance(field.limit, Pattern):
        limit = {"pattern": f"^(?:{field.limit.regex})$"}
    if field.kind is int:
        return core_schema.int_schema(**limit)
    if field.kind is float:
        return core_schema.float_schema(allow_inf_nan=False, **limit)
    if field.kind in (str, Path):
        return core_schema.str_schema(min_length=0, **limit)  # without a limit, lone surrogates would pass
    return {bool: core_schema.bool_schema(), dict: core_schema.dict_schema()}[field.kind]


def _sentence(
    cls: Any, values: Mapping[Any, Any], at: str, without: tuple[str, ...], error: ValidationError
) -> str:
    """The first error in words; an unknown field comes before all others."""
    fields_of = declared_fields(cls)
    check_keys(at, values, set(fields_of) - set(without))
    first = error.errors(include_url=False)[0]
    name = first["loc"][0]
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{at}: {name} is missing"
    assert isinstance(name, str)
    try:
        admitted(f"{at}.{name}", values[name], fields_of[name])
    except ValueError as in_words:
        return str(in_words)
    return f"{at}.{name}: {first['msg']}"
