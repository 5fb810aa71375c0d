"""A dub that is ended by a signal leaves no temporary file: the signal becomes an exception that unwinds the work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unwound_by_signals() -> Iterator[None]:
    """In the block SIGTERM and SIGHUP raise ``SystemExit`` with the status of the signal, as Ctrl-C raises its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {sign: signal.getsignal(sign) for sign in (*ENDING, signal.SIGINT)}
    for sign in ENDING:
        signal.signal(sign, _leave)
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    # A second signal must not interrupt the cleaning up.
    for sign in (*ENDING, signal.SIGINT):
        signal.signal(sign, signal.SIG_IGN)
    raise SystemExit(128 + number)
