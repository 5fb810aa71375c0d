"""What a setting allows besides its type, declared beside the field: ``Annotated[int, Bound(at_least=1)]``.

Everything that checks or describes settings reads these declarations: the constructors, the check of ``cals.yaml``,
its JSON Schema and the reference page.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The range of a number.

    Args:
        at_least, above: lower end, included or not.
        at_most, below: upper end, included or not.
        multiple_of: the number is divisible by this.
        text: the range in words, for messages and the reference; built from the others if empty.
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    multiple_of: int | None = None
    text: str = ""

    def admits(self, value: float) -> bool:
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (self.multiple_of is None or value % self.multiple_of == 0)
        )

    def __str__(self) -> str:
        return self.text or ", ".join(text for text in (self.divisor, self.range) if text)

    @property
    def divisor(self) -> str:
        if self.multiple_of is None:
            return ""
        return "an even number" if self.multiple_of == 2 else f"a multiple of {self.multiple_of}"

    @property
    def range(self) -> str:
        lower = self.at_least if self.above is None else self.above
        upper = self.at_most if self.below is None else self.below
        if lower is None and upper is None:
            return ""
        if upper is None:
            return f"{lower:,} or more" if self.above is None else f"above {lower:,}"
        if lower is None:
            return f"{upper:,} or less" if self.below is None else f"below {upper:,}"
        if self.above is None and self.below is None:
            return f"{lower:,} to {upper:,}"
        return (
            f"in {'[' if self.above is None else '('}{lower:,}, {upper:,}{']' if self.below is None else ')'}"
        )


@dataclass(frozen=True, kw_only=True)
class Items:
    """The number of items in a list: at least so many."""

    at_least: int


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """The form of a text.

    Args:
        regex: the whole text matches it; in the syntax that Python, Rust and JavaScript share.
        text: the form in words, for messages and the reference.
        plural: the same for the items of a list.
    """

    regex: str
    text: str
    plural: str = ""

    def admits(self, value: str) -> bool:
        return self._compiled.fullmatch(value) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.regex)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class OneOf:
    """Names of a table that grows, such as that of the methods; a fixed set is a ``Literal``."""

    names: Collection[str]


@dataclass(frozen=True, kw_only=True)
class WithoutEffect:
    """Declares that a field does not decide the output: it is recorded, but another value makes nothing stale.

    Args:
        why: the output is the same for every value.
    """

    why: str


Count = Annotated[int, Bound(at_least=1)]
CountOrZero = Annotated[int, Bound(at_least=0)]
Width = Annotated[int, Bound(at_least=8, multiple_of=8)]
Positive = Annotated[float, Bound(above=0)]
NotNegative = Annotated[float, Bound(at_least=0)]
Share = Annotated[float, Bound(at_least=0, at_most=1, text="a share from 0 to 1")]
ShareBelowOne = Annotated[float, Bound(at_least=0, below=1)]
ShareAboveZero = Annotated[float, Bound(above=0, at_most=1)]
