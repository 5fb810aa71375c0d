"""Worker processes for per-clip work: a crash, a hang or excessive memory use costs only that clip."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pebble import ProcessExpired, ProcessPool

from assets.workers.rejected import UNEXPECTED, Rejected
from assets.workers.unexpected import UnexpectedError, run_guarded

GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """The number of workers, and limits on a single clip.

    Args:
        num_workers: processes; 0 runs in the calling process, without isolation (for debugging).
        timeout_s: seconds after which the worker of a clip is killed and replaced.
        memory_bytes: limit on a worker's address space.
        clips_per_worker: a worker is replaced after this many clips, since decoders leak memory.
    """

    num_workers: int = 0
    timeout_s: float = 600.0
    memory_bytes: int = 12 * GIB
    clips_per_worker: int = 500

    def __post_init__(self) -> None:
        if self.num_workers < 0:
            raise ValueError(f"num_workers is {self.num_workers}; give 0 (in process) or more")
        if self.timeout_s <= 0:
            raise ValueError(f"timeout_s is {self.timeout_s}; give seconds above 0")
        if self.memory_bytes < GIB:
            raise ValueError(f"memory_bytes is {self.memory_bytes}; a worker needs at least {GIB} (1 GiB)")
        if self.clips_per_worker < 1:
            raise ValueError(f"clips_per_worker is {self.clips_per_worker}; give 1 or more")


def _start_worker(memory_bytes: int) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        import resource
    except ImportError:  # not POSIX: only the timeout limits a clip there
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


class ClipPool:
    """Runs ``compute(*args)`` for one clip at a time in isolated worker processes.

    Use as a context manager. ``submit`` returns at once; ``result`` gives what the function returned, or a
    ``Rejected`` with the cause of the failure.
    """

    def __init__(self, settings: PoolSettings) -> None:
        self.settings = settings
        self._pool: ProcessPool | None = None

    def __enter__(self) -> ClipPool:
        if self.settings.num_workers:
            self._pool = ProcessPool(
                max_workers=self.settings.num_workers,
                max_tasks=self.settings.clips_per_worker,
                initializer=_start_worker,
                initargs=[self.settings.memory_bytes],
                context=multiprocessing.get_context("spawn"),
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        if error is None:
            self._pool.close()
        else:
            self._pool.stop()
        self._pool.join()

    def submit(self, compute: Callable[..., Any], *args: Any) -> Future[Any]:
        """Schedules one clip; ``compute`` is a module-level function, ``args`` are picklable."""
        if self._pool is not None:
            scheduled: Future[Any] = self._pool.schedule(
                run_guarded, args=(compute, *args), timeout=self.settings.timeout_s
            )
            return scheduled
        future: Future[Any] = Future()
        try:
            future.set_result(run_guarded(compute, *args))
        except Exception as error:  # raised again by result(), as from a worker process
            future.set_exception(error)
        return future

    def result(self, future: Future[Any], stage: str) -> Any:
        """What ``compute`` returned, or a ``Rejected`` for a clip that it could not process.

        Whatever else ``compute`` raised is a ``Rejected`` with reason ``unexpected_error``, the error's text and its
        place: one file must never end a run.

        Raises:
            PipelineFault, ImportError, OSError: the fault of no clip, such as missing weights or a full disk.
        """
        try:
            return future.result()
        except Rejected as rejected:
            return rejected
        except UnexpectedError as error:
            return Rejected(stage, UNEXPECTED, str(error))
        except TimeoutError:
            limit = self.settings.timeout_s
            return Rejected(stage, "timeout", f"not done after {limit:g} s, the limit for one clip")
        except ProcessExpired as expired:
            code = expired.exitcode
            return Rejected(stage, "worker_crashed", f"the worker process ended with exit code {code}")
        except MemoryError:
            limit_gib = self.settings.memory_bytes / GIB
            return Rejected(
                stage, "out_of_memory", f"needs more than {limit_gib:g} GiB, the limit for one clip"
            )
