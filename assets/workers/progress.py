"""Progress bars on long work, on standard error; calmer where no terminal watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(title: str, total: int, unit: str = "clip") -> Iterator[Callable[[int], None]]:
    """Gives a function that advances the bar by a number of units."""
    watched = sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=title,
        unit=unit,
        mininterval=0.2 if watched else 15.0,
        maxinterval=1.0 if watched else 30.0,
        file=sys.stderr,
        dynamic_ncols=watched,
    ) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        yield advance
