"""Batches drawn ahead while the training computes, and how long it waited for them.

On a CPU one background thread draws: more threads would compete with the training for cores. With a GPU processes draw
(torch's DataLoader): threads would contend with the launching of kernels for the interpreter's lock.
"""

import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

import torch
from torch.utils.data import DataLoader, Dataset

from cals_models.training.stage import Batch

MAX_PROCESSES = 8
SHARED_MEMORY = "/dev/shm"
DEPTH = 4
"""Batches drawn ahead by the thread, and by each process half as many."""


class Prefetcher:
    """Draws the batches `first`, ..., `last` - 1 in order.

    Args:
        draw: returns the batch of a number, which depends on nothing else.
        first, last: batches first .. last - 1 are drawn.
        device: where batches go; from pinned memory if it is a GPU.
        num_processes: that draw; 0 draws in a thread. None: with a GPU this process's share of half the processors, at
            most 8 and no more than shared memory has room for; 0 without.
    """

    def __init__(
        self,
        draw: Callable[[int], Batch],
        *,
        first: int,
        last: int,
        device: torch.device,
        num_processes: int | None = None,
    ) -> None:
        self.waited_s = 0.0
        self._device = device
        is_gpu = device.type == "cuda"
        if num_processes is None:
            num_processes = _processes_for(draw(first)) if is_gpu and first < last else 0
        numbers = range(first, last)
        self._drawing: AbstractContextManager[Iterator[Batch]] = (
            _by_processes(draw, numbers, num_processes, is_pinned=is_gpu)
            if num_processes
            else _Thread(draw, numbers)
        )

    def __enter__(self) -> "Prefetcher":
        self._batches = self._drawing.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batches = iter(())
        self._drawing.__exit__(None, None, None)

    def take(self) -> Batch:
        """The next batch, on the device; the time waited for it is added to `waited_s`."""
        start = time.perf_counter()
        batch = next(self._batches)
        self.waited_s += time.perf_counter() - start
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in batch.items()}


def _processes_for(batch: Batch) -> int:
    """Number of processes; their batches pass through shared memory, of which containers have little."""
    processors = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    num_bytes = sum(tensor.nbytes for tensor in batch.values())
    room = shutil.disk_usage(SHARED_MEMORY).free // 2 if os.path.isdir(SHARED_MEMORY) else 0
    return min(MAX_PROCESSES, max(1, processors // 2), room // ((DEPTH // 2 + 1) * max(num_bytes, 1)))


class _Batches(Dataset["Batch | Exception"]):
    def __init__(self, draw: Callable[[int], Batch]) -> None:
        self._draw = draw

    def __getitem__(self, number: int) -> "Batch | Exception":
        try:
            return self._draw(number)
        except Exception as error:  # as a value: DataLoader would wrap what is raised into a traceback
            return error


@contextmanager
def _by_processes(
    draw: Callable[[int], Batch], numbers: range, num_processes: int, *, is_pinned: bool
) -> Iterator[Iterator[Batch]]:
    """Forked processes, which share the clips in memory; they end with the context."""
    loader = DataLoader(
        _Batches(draw),
        batch_size=None,
        sampler=numbers,
        num_workers=num_processes,
        prefetch_factor=DEPTH // 2,
        pin_memory=is_pinned,
        multiprocessing_context="fork",
    )
    batches = iter(loader)
    try:
        yield map(_batch_or_error, batches)
    finally:
        batches._shutdown_workers()  # type: ignore[attr-defined]


def _batch_or_error(drawn: "Batch | BaseException") -> Batch:
    if isinstance(drawn, BaseException):
        raise drawn
    return drawn


class _Thread:
    def __init__(self, draw: Callable[[int], Batch], numbers: range) -> None:
        self._draw, self._numbers = draw, numbers
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def __enter__(self) -> Iterator[Batch]:
        self._thread.start()
        return self._taken()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._ready.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)

    def _taken(self) -> Iterator[Batch]:
        for _ in self._numbers:
            yield _batch_or_error(self._ready.get())

    def _work(self) -> None:
        for number in self._numbers:
            if self._stop.is_set():
                return
            try:
                batch: Batch | BaseException = self._draw(number)
            except Exception as error:
                batch = error
            self._ready.put(batch)
            if isinstance(batch, BaseException):
                return
