"""Progress of long work: bars on standard error, updated less often where that is no terminal, and reports to a listener."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from tqdm import tqdm


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far some work is.

    Args:
        title: what is done, e.g. ``mels of sample_lrs2``.
        done, total: units of work.
        unit: what is counted, e.g. ``clip`` or ``step``.
        log: file to which the work writes, if it has one of its own.
    """

    title: str
    done: int
    total: int
    unit: str
    log: str | None = None


_listener: ContextVar[Callable[[Progress], None] | None] = ContextVar("listener", default=None)


@contextmanager
def reported_to(listener: Callable[[Progress], None]) -> Iterator[None]:
    """Gives ``listener`` all progress that is reported in the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(progress: Progress) -> None:
    """Reports progress to the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(progress)


@contextmanager
def progress_bar(title: str, total: int, unit: str = "clip") -> Iterator[Callable[[int], None]]:
    """Yields a function that advances the bar by a number of units."""
    is_terminal = sys.stderr.isatty()
    done = 0
    report_progress(Progress(title=title, done=0, total=total, unit=unit))
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
            nonlocal done
            done += count
            bar.update(count)
            report_progress(Progress(title=title, done=done, total=total, unit=unit))

        yield advance
