"""Progress bars for long work, on standard error; updated less often where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(title: str, total: int, unit: str = "clip") -> Iterator[Callable[[int], None]]:
    """Yields a function that advances the bar by a number of units."""
    is_terminal = sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=title,
        unit=unit,
        mininterval=0.2 if is_terminal else 15.0,
        maxinterval=1.0 if is_terminal else 30.0,
        file=sys.stderr,
        dynamic_ncols=is_terminal,
    ) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        yield advance
