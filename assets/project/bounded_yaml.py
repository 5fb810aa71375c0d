"""Reads YAML of a reasonable depth and size: brackets and aliases can make a short file endless to read or to print."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

DEEPEST = 50
MOST_VALUES = 100_000
OPENING, CLOSING = "[{", "]}"


class TooNested(ValueError):
    """Values lie deeper in each other, or are more with all aliases written out, than any settings file needs."""


def read_bounded(text: str) -> Any:
    """The plain data of a YAML text.

    Raises:
        TooNested: deeper than ``DEEPEST``, or more than ``MOST_VALUES`` values.
        ruamel.yaml.error.YAMLError: it is no YAML.
    """
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        for letter in line:
            depth += (letter in OPENING) - (letter in CLOSING)
            if depth > DEEPEST:
                raise TooNested(f"line {number}: more than {DEEPEST} brackets inside each other")
    try:
        found = YAML(typ="safe").load(text)
    except RecursionError as error:
        raise TooNested(f"more than {DEEPEST} values inside each other") from error
    _size(found, 0, {})
    return found


def _size(value: Any, depth: int, sizes: dict[int, int]) -> int:
    """Number of values in a value, those that an alias repeats counted each time."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) in sizes:
        return sizes[id(value)]
    if depth > DEEPEST:
        raise TooNested(f"more than {DEEPEST} values inside each other")
    sizes[id(value)] = 1  # for a value that holds itself
    inner = value.values() if isinstance(value, dict) else value
    size = 1 + sum(_size(each, depth + 1, sizes) for each in inner)
    if size > MOST_VALUES:
        raise TooNested(f"more than {MOST_VALUES:,} values, with aliases written out")
    sizes[id(value)] = size
    return size
