"""Batches drawn ahead in a background thread, and how long the training waited for them."""

import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType

import torch

from cals_models.training.stage import Batch


class Prefetcher:
    """Draws batches `first`, `first + 1`, ... in order while the training computes.

    Args:
        draw: makes the batch of a number.
        first: number of the first batch.
        device: batches go there; from pinned memory if it is a GPU.
        depth: batches drawn ahead.
    """

    def __init__(
        self, draw: Callable[[int], Batch], *, first: int, device: torch.device, depth: int = 4
    ) -> None:
        self.waited_s = 0.0
        self._draw = draw
        self._device = device
        self._next = first
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def __enter__(self) -> "Prefetcher":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._ready.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)

    def take(self) -> Batch:
        """The next batch, on the device; the time spent waiting adds to `waited_s`."""
        start = time.perf_counter()
        batch = self._ready.get()
        self.waited_s += time.perf_counter() - start
        if isinstance(batch, BaseException):
            raise batch
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in batch.items()}

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                batch: Batch | BaseException = self._draw(self._next)
                if self._device.type == "cuda":
                    batch = {name: tensor.pin_memory() for name, tensor in batch.items()}  # type: ignore[union-attr]
            except Exception as error:
                batch = error
            self._next += 1
            self._ready.put(batch)
            if isinstance(batch, BaseException):
                return
