"""How far a training is, for whoever watches: a bar where tqdm is at hand, else a line now and then."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

EVERY_S = 10.0


class ProgressBar(Protocol):
    """What a training tells its watcher."""

    def update(self) -> object:
        """One more step is done."""

    def set_postfix(self, **figures: str) -> object:
        """Newest figures."""


@contextmanager
def progress_bar(name: str, total: int, done: int, *, show: bool) -> Iterator[ProgressBar]:
    """Shows steps on standard error, from ``done`` to ``total``."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield _Lines(name, total, done, show=show)
        return
    with tqdm(
        total=total, initial=done, desc=name, unit="step", disable=not show, file=sys.stderr, mininterval=2.0
    ) as bar:
        yield cast("ProgressBar", bar)


class _Lines:
    def __init__(self, name: str, total: int, done: int, *, show: bool) -> None:
        self._name, self._total, self._done, self._show = name, total, done, show
        self._figures = ""
        self._told_at = time.monotonic()

    def update(self) -> None:
        self._done += 1
        if self._show and (time.monotonic() - self._told_at > EVERY_S or self._done == self._total):
            self._told_at = time.monotonic()
            print(
                f"{self._name}: step {self._done} of {self._total}{self._figures}",
                file=sys.stderr,
                flush=True,
            )

    def set_postfix(self, **figures: str) -> None:
        self._figures = "".join(f", {name} {value}" for name, value in figures.items())
