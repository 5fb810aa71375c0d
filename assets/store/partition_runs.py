"""Which partition which process works on: a lock a partition, and small files that ``cals status`` reads.

In ``running/partitions`` of the home lie for each partition ``NAME.lock``, held by the process that works on it and freed
by the operating system when that process ends however it ends; ``NAME.json``, what that process or the last one did; and
a ``NAME.waiting-HOST-PID.json`` for each process that waits for the lock.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.workers.progress import Progress, reported_to

POLL_S = 0.25
WRITE_EVERY_S = 1.0
WAITING, RUNNING, DONE, UNCHANGED, FAILED = "waiting", "running", "done", "unchanged", "failed"


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A process that works on a partition or waits for it."""

    host: str
    pid: int
    dagster_run_id: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, kw_only=True)
class PartitionRun:
    """Content of a partition's file.

    Args:
        since_s: when the work began, seconds since 1970.
        state: ``waiting``, ``running``, ``done``, ``unchanged`` (another run had made it meanwhile) or ``failed``.
        progress: of the running pass; None before its first report.
        ended_s: None while it runs.
        error: of failed work, in one line.
    """

    asset: str
    dataset: str
    method: str | None
    worker: Worker
    since_s: float
    state: str = RUNNING
    progress: Progress | None = None
    ended_s: float | None = None
    error: str | None = None


class Work:
    """The partitions that this process holds.

    Args:
        waited: whether another process held one of them.
    """

    def __init__(self, home: Home, partitions: Sequence[tuple[str, str, str | None]], run_id: str) -> None:
        self.waited = False
        self._folder = folder(home)
        self._worker = Worker(host=platform.node(), pid=os.getpid(), dagster_run_id=run_id)
        self._partitions = sorted(partitions, key=str)
        self._runs: dict[tuple[str, str, str | None], PartitionRun] = {}
        self._written_s = 0.0
        self._title = ""

    def begin(self) -> None:
        """Notes that this process works on them, from now on."""
        for mark, waiting in waiting_for(self._folder):
            if waiting.worker.host == self._worker.host and not is_alive(waiting.worker.pid):
                mark.unlink(missing_ok=True)
        for asset, dataset, method in self._partitions:
            self._runs[asset, dataset, method] = PartitionRun(
                asset=asset, dataset=dataset, method=method, worker=self._worker, since_s=time.time()
            )
        self._write()

    def report(self, progress: Progress) -> None:
        """Notes how far the work is, at most once a second."""
        is_due = time.monotonic() - self._written_s >= WRITE_EVERY_S
        if is_due or progress.title != self._title or progress.done == progress.total:
            self._title = progress.title
            self._set(progress=progress)

    def end(self, state: str, error: str | None = None) -> None:
        """Notes how the work ended; the first end stays."""
        if any(run.state == RUNNING for run in self._runs.values()):
            self._set(state=state, ended_s=time.time(), error=error)

    def _set(self, **changes: Any) -> None:
        self._runs = {of: PartitionRun(**{**vars(run), **changes}) for of, run in self._runs.items()}
        self._write()

    def _write(self) -> None:
        self._written_s = time.monotonic()
        for of, run in self._runs.items():
            write_text(self._folder / f"{file_name(*of)}.json", json.dumps(asdict(run)))

    @contextmanager
    def locked(self, say: Callable[[str], None]) -> Iterator[None]:
        """Holds the locks of all partitions; waits for those that another process holds."""
        with ExitStack() as stack:
            for of in self._partitions:
                lock = FileLock(self._folder / f"{file_name(*of)}.lock", poll_interval=POLL_S)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    self.waited = True
                    self._wait(lock, of, say)
                stack.callback(lock.release)
            yield

    def _wait(self, lock: FileLock, of: tuple[str, str, str | None], say: Callable[[str], None]) -> None:
        name = file_name(*of)
        mark = self._folder / f"{name}.waiting-{quote(self._worker.host, safe='')}-{self._worker.pid}.json"
        asset, dataset, method = of
        waiting = PartitionRun(
            asset=asset,
            dataset=dataset,
            method=method,
            worker=self._worker,
            since_s=time.time(),
            state=WAITING,
        )
        write_text(mark, json.dumps(asdict(waiting)))
        holder = read_run(self._folder / f"{name}.json")
        label = "/".join(part for part in of if part)
        say(f"{label}: waits for {holder.worker if holder else 'another process'}, which works on it")
        try:
            lock.acquire()
        finally:
            mark.unlink(missing_ok=True)


@contextmanager
def work_on(
    home: Home,
    partitions: Sequence[tuple[str, str, str | None]],
    run_id: str,
    say: Callable[[str], None],
) -> Iterator[Work]:
    """Holds partitions, which no other process of the home works on meanwhile; waits for them if it must.

    Args:
        partitions: asset, dataset, method of each.
        run_id: of the Dagster run.
        say: is told what is waited for.
    """
    work = Work(home, partitions, run_id)
    with work.locked(say):
        work.begin()
        try:
            yield work
        except GeneratorExit:  # Dagster has all results and wants no more
            raise
        except BaseException as error:
            work.end(FAILED, " ".join(f"{type(error).__name__}: {error}".split()))
            raise


@contextmanager
def progress_of(work: Work) -> Iterator[None]:
    """Notes the progress that is reported in the block."""
    with reported_to(work.report):
        yield


def folder(home: Home) -> Path:
    """Where locks and files of all partitions lie."""
    return home.running / "partitions"


def file_name(asset: str, dataset: str, method: str | None) -> str:
    """Name of a partition's files, without suffix."""
    return "__".join(quote(part, safe="") for part in (asset, dataset, method) if part)


def read_run(path: Path) -> PartitionRun | None:
    """A partition's file; None if it is gone or not readable."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        progress = Progress(**fields["progress"]) if fields["progress"] else None
        return PartitionRun(**{**fields, "worker": Worker(**fields["worker"]), "progress": progress})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def waiting_for(where: Path) -> Iterator[tuple[Path, PartitionRun]]:
    """Files of the processes that wait for a partition, with their content."""
    for path in sorted(where.glob("*.waiting-*.json")):
        run = read_run(path)
        if run is not None:
            yield path, run


def is_alive(pid: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
