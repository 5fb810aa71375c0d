"""Progress of a training on standard error: a bar where tqdm is installed, else a line every ten seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

EVERY_S = 10.0


class ProgressBar(Protocol):
    """The part of tqdm's interface that a training uses."""

    def update(self) -> object:
        """Counts one step."""

    def set_postfix(self, **metrics: str) -> object:
        """Shows the newest metrics."""


@contextmanager
def progress_bar(name: str, total: int, done: int, *, show: bool) -> Iterator[ProgressBar]:
    """Shows steps on standard error, from ``done`` to ``total``; nothing where ``show`` is False."""
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
        self._metrics = ""
        self._shown_at = time.monotonic()

    def update(self) -> None:
        self._done += 1
        if self._show and (time.monotonic() - self._shown_at > EVERY_S or self._done == self._total):
            self._shown_at = time.monotonic()
            print(
                f"{self._name}: step {self._done} of {self._total}{self._metrics}",
                file=sys.stderr,
                flush=True,
            )

    def set_postfix(self, **metrics: str) -> None:
        self._metrics = "".join(f", {name} {value}" for name, value in metrics.items())
