"""Clips scored side by side in threads: decoders, detectors and torch let go of the interpreter while they work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    compute: Callable[[Item], Result], items: Iterable[Item], num_threads: int
) -> Iterator[Result]:
    """``compute(item)`` of each item, in order.

    Within, torch works with one thread a clip: several clips at once keep the processors busier than several threads
    in one clip. No more items are taken than are being worked on, twice over.

    Args:
        compute: called from several threads at once.
        items: any number.
        num_threads: at least 1; with 1 all is done in the calling thread, as torch is set.
    """
    if num_threads == 1:
        yield from map(compute, items)
        return
    before = torch.get_num_threads()
    waiting: deque[Future[Result]] = deque()
    try:
        with ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for item in items:
                    waiting.append(pool.submit(compute, item))
                    if len(waiting) >= 2 * num_threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        torch.set_num_threads(before)
