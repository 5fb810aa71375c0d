"""Clips worked on side by side in threads: decoders, detectors and torch release the interpreter while they work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

MAX_THREADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_threads_beside(*devices: torch.device) -> int:
    """Clips worked on at once beside networks on these devices: torch's number of threads, at most 8; 1 beside a GPU."""
    on_cpu = all(device.type == "cpu" for device in devices)
    return min(MAX_THREADS, torch.get_num_threads()) if on_cpu else 1


def map_in_threads(
    compute: Callable[[Item], Result], items: Iterable[Item], num_threads: int
) -> Iterator[Result]:
    """``compute(item)`` of each item, in order.

    Within, torch works with one thread a clip: several clips at once keep the processors busier than several threads
    in one clip. At most twice as many items are held as are worked on.

    Args:
        compute: called from several threads at once.
        items: any number.
        num_threads: at least 1; 1 works in the calling thread and leaves torch's number of threads as it is.
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
