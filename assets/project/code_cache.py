"""What was last found out about the code and the installation, kept in the home so that a planner starts quickly.

One file holds, by subject, a key and a value: the value holds as long as the key does. It can be deleted at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from assets.project.atomic_files import write_text

Value = TypeVar("Value")
FILE = "known.json"

_place: Path | None = None
_known: dict[str, tuple[str, object]] = {}


def keep_in(folder: Path) -> None:
    """Names the folder of the file, and reads it."""
    global _place
    if _place == folder / FILE:
        return
    _place = folder / FILE
    try:
        read = json.loads(_place.read_text(encoding="utf-8"))
        _known.update({subject: (key, value) for subject, (key, value) in read.items()})
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # not there yet, or of another version: found out again
        return


def remembered(subject: str, key: str, find_out: Callable[[], Value]) -> Value:
    """The value of a subject: the last one if its key is the same, else found out and kept.

    Args:
        find_out: returns a value that JSON can hold.
    """
    if subject in _known and _known[subject][0] == key:
        return _known[subject][1]  # type: ignore[return-value]
    value = find_out()
    _known[subject] = (key, value)
    if _place is not None:
        write_text(_place, json.dumps(_known))
    return value
