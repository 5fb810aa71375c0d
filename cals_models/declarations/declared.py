"""What a settings class declares about its fields, read once, and the check of a value against it."""

from __future__ import annotations

import datetime
import math
import types
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cals_models.declarations.bounds import Bound, Items, OneOf, Pattern, WithoutEffect

NOUNS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    dict: "a mapping",
}
PLURALS = {bool: "true or false", int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a field, or an item of a list, admits.

    Args:
        kind: bool, int, float, str, Path, tuple, or a class whose instances are admitted.
        limit: of a number or a text.
        names: the texts admitted, of a ``Literal`` or a table; None if any.
        of_table: the names are those of a table.
        items: of a tuple: one declaration if it repeats, else one a position.
        repeats: the tuple has any number of items.
        min_items: at least so many, of a tuple that repeats.
        optional: None is admitted too.
    """

    kind: type
    limit: Bound | Pattern | None = None
    names: Collection[str] | None = None
    of_table: bool = False
    items: tuple[Declared, ...] = ()
    repeats: bool = False
    min_items: int = 0
    optional: bool = False

    def wanted(self) -> str:
        """What would be right, in words, for a value of a wrong type."""
        if self.names is not None:
            return f"one of {', '.join(self.names)}" if len(self.names) > 1 else next(iter(self.names))
        if self.kind is tuple:
            return self._list_text()
        noun = NOUNS.get(self.kind, self.kind.__name__)
        if self.limit is None:
            return noun
        limit = str(self.limit)
        if limit.startswith(("a ", "an ")) or isinstance(self.limit, Pattern):
            return limit
        return f"{noun}, {limit}" if limit[0].isdigit() else f"{noun} {limit}"

    def _list_text(self) -> str:
        item = self.items[0]
        if not self.repeats:
            count = f"{len(self.items)} "
        else:
            count = f"{self.min_items} or more " if self.min_items else ""
        if item.names is not None:
            return f"a list of {count}names, each {item.wanted()}"
        if isinstance(item.limit, Pattern):
            return f"a list of {count}{item.limit.plural}"
        if isinstance(item.limit, Bound):
            bound = item.limit
            noun = f"multiples of {bound.multiple_of}" if bound.multiple_of else PLURALS[item.kind]
            return f"a list of {count}{noun}, each {bound.text or bound.range}"
        return f"a list of {count}{PLURALS[item.kind]}"


def deciding_values(settings: Any) -> dict[str, Any]:
    """The values of a settings instance that decide the output, as plain data: what a settings digest is taken of."""
    hints = get_type_hints(type(settings), include_extras=True)
    return {name: value for name, value in asdict(settings).items() if not _is_without_effect(hints[name])}


def fields_without_effect(cls: type) -> tuple[str, ...]:
    """Names of the fields that are declared not to decide the output."""
    return tuple(
        name for name, hint in get_type_hints(cls, include_extras=True).items() if _is_without_effect(hint)
    )


def _is_without_effect(annotation: Any) -> bool:
    return any(isinstance(note, WithoutEffect) for note in getattr(annotation, "__metadata__", ()))


def declared_fields(cls: type) -> dict[str, Declared]:
    """Field -> what it admits, of a settings dataclass."""
    return _declared_fields(cls)


@cache
def _declared_fields(cls: Any) -> dict[str, Declared]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _declared(hints[field.name]) for field in fields(cls)}


def _declared(annotation: Any, metadata: tuple[Any, ...] = ()) -> Declared:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _declared(arguments[0], (*arguments[1:], *metadata))
    if origin in (Union, types.UnionType):
        (kept,) = (argument for argument in arguments if argument is not type(None))
        inner = _declared(kept, metadata)
        return Declared(
            **{field.name: getattr(inner, field.name) for field in fields(inner)} | {"optional": True}
        )
    if origin is Literal:
        assert all(isinstance(name, str) for name in arguments), "other literals: declare a Bound"
        return Declared(kind=str, names=arguments)
    if origin is tuple:
        repeats = arguments[-1] is Ellipsis
        counts = [note.at_least for note in metadata if isinstance(note, Items)]
        return Declared(
            kind=tuple,
            items=tuple(_declared(argument) for argument in arguments if argument is not Ellipsis),
            repeats=repeats,
            min_items=max(counts, default=0),
        )
    tables = [note.names for note in metadata if isinstance(note, OneOf)]
    limits = [note for note in metadata if isinstance(note, Bound | Pattern)]
    return Declared(
        kind=origin or annotation,
        limit=limits[-1] if limits else None,
        names=tables[-1] if tables else None,
        of_table=bool(tables),
    )


def admitted(place: str, value: Any, field: Declared) -> Any:
    """The value as its field holds it: a list becomes a tuple, a text a path, a whole number a float where the field is one.

    Args:
        place: what the message calls it, such as ``generator.steps``.
        value: as the caller, YAML or JSON gives it.
        field: what the field declares.

    Raises:
        ValueError: what the value is, and what would be right.
    """
    if value is None and field.optional:
        return None
    if field.names is not None:
        if isinstance(value, str) and value in field.names:
            return value
        verb = ": unknown" if field.of_table else " is"
        near = did_you_mean(value, field.names)
        raise ValueError(f"{place}{verb} {_shown(value)}{near}; {_give(field.wanted())}")
    if field.kind is tuple:
        return _admitted_items(place, value, field)
    typed = _typed(value, field.kind)
    if typed is None:
        raise ValueError(f"{place} is {_shown(value)}; {_give(field.wanted())}{_unquoted(value, field)}")
    if field.limit is not None and not field.limit.admits(typed):
        raise ValueError(f"{place} is {_shown(value)}; {_give(str(field.limit))}")
    return typed


def _admitted_items(place: str, value: Any, field: Declared) -> tuple[Any, ...]:
    right_length = isinstance(value, list | tuple) and (
        len(value) >= field.min_items if field.repeats else len(value) == len(field.items)
    )
    if not right_length:
        listed = f", such as [{value}]" if field.repeats and _admits(field.items[0], value) else ""
        raise ValueError(f"{place} is {_shown(value)}; {_give(field.wanted())}{listed}")
    items = field.items * len(value) if field.repeats else field.items
    return tuple(
        admitted(f"{place}[{i}]", given, item)
        for i, (given, item) in enumerate(zip(value, items, strict=True))
    )


def _admits(field: Declared, value: Any) -> bool:
    try:
        admitted("", value, field)
    except ValueError:
        return False
    return True


def _typed(value: Any, kind: type) -> Any:
    """The value as this type, None if it is of another one."""
    if kind is bool or isinstance(value, bool):
        return value if kind is bool and isinstance(value, bool) else None
    if kind is float:
        return float(value) if isinstance(value, int | float) and _finite(value) else None
    if isinstance(value, str) and not _encodable(value):
        return None
    if kind is Path:
        return Path(value) if isinstance(value, str | Path) else None
    return value if isinstance(value, kind) else None


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number above the largest float
        return False


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    """The value as YAML writes it, cut to a line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(list(value) if isinstance(value, tuple) else value)
    if isinstance(value, datetime.date):
        return str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _give(wanted: str) -> str:
    return wanted if wanted.startswith("one of ") else f"give {wanted}"


def _unquoted(value: Any, field: Declared) -> str:
    """A hint for a number in quotes, or written as YAML reads no number (``1e-4`` under ``%YAML 1.1``)."""
    if not isinstance(value, str) or field.kind not in (int, float):
        return ""
    try:
        number = field.kind(value)
    except ValueError:
        return ""
    return f"; write it without quotes: {number!r}"


def did_you_mean(name: object, known: Collection[Any]) -> str:
    """`` (did you mean 'x'?)``, or nothing where no known name is near."""
    import difflib

    near = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
