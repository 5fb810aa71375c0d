"""One process that owns SFD and FAN; the workers of a pool are its clients.

Requests of several workers that wait at the same time share a forward pass. A pass holds images of one size only, so
that what is found in a clip depends on the others by no more than rounding, which differs by batch size. A device holds
the networks once, and a worker loads no torch, whose address space would count towards its memory limit.

The process lives as long as the other end of its pipe is open, so it ends with the pool and after a ``kill -9`` of the
run alike. It listens on a Unix-domain socket in a folder of its own and requires multiprocessing's own key, which only
child processes have.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Listener
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.face_alignment import ImageBatch, Networks
from assets.faces.backends.interface import BackendUnavailableError, Detection
from assets.workers.rejected import PipelineFault

# How long a pass with room waits for requests of other clients.
GATHER_WAIT_S = 0.002
MAX_PASS_PIXELS = 1 << 22
STOP_WAIT_S = 10.0
SOCKET_NAME = "networks"
BACKLOG = 64
# Errors after which a GPU answers nothing more.
DEVICE_FAILED = ("CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS")
Call = Literal["detect", "landmarks"]


class NetworksFailed(PipelineFault):
    """The process that owns the networks is gone, or its device failed: no clip's fault."""


class PassFailed(RuntimeError):
    """The networks failed at the images of one request."""


class SharedNetworks:
    """The networks of another process. Connects at first use."""

    def __init__(self, socket: str) -> None:
        """Takes the socket that ``served`` gave."""
        self.socket = socket
        self._connection: Any = None

    def detect(self, images: ImageBatch) -> list[list[Detection]]:
        found: list[list[Detection]] = self._ask("detect", images)
        return found

    def landmarks(self, images: ImageBatch) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._ask("landmarks", images)
        return found

    def _ask(self, call: Call, images: ImageBatch) -> Any:
        try:
            connection = self._connection or Client(self.socket, authkey=_key())
            self._connection = None  # after an error, an unread answer must not be taken for the next one
            connection.send((call, images))
            answer = connection.recv()
        except (EOFError, OSError) as error:
            raise NetworksFailed(
                f"the process that owns the face networks is gone ({type(error).__name__}); the run's log says why, "
                "unless it was killed, for instance for want of memory"
            ) from error
        self._connection = connection
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def served(open_networks: Callable[[], Networks], *, batch_frames: int) -> Iterator[str]:
    """Runs the process that owns the networks; yields its socket, for ``SharedNetworks`` in child processes.

    Args:
        open_networks: picklable; called in that process at the first request.
        batch_frames: images a pass at most.

    Raises:
        NetworksFailed: the process did not start.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="cals-faces-", ignore_cleanup_errors=True) as folder:
        socket = str(Path(folder) / SOCKET_NAME)
        ours, theirs = context.Pipe()
        arguments = (socket, theirs, open_networks, batch_frames)
        process = context.Process(target=_serve, args=arguments, name="face networks", daemon=True)
        process.start()
        theirs.close()
        try:
            with ours:
                _await_start(ours)
                yield socket
        finally:
            process.join(STOP_WAIT_S)
            process.kill()
            process.join()


def _await_start(lifeline: Any) -> None:
    try:
        lifeline.recv()
    except EOFError as error:
        raise NetworksFailed(
            "the process that owns the face networks did not start; see above for why"
        ) from error


def _key() -> bytes:
    return bytes(multiprocessing.current_process().authkey)


def _serve(socket: str, lifeline: Any, open_networks: Callable[[], Networks], batch_frames: int) -> None:
    """The process: threads take requests and run passes; it ends when the pipe's other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the run ends this process
    listener = Listener(socket, backlog=BACKLOG, authkey=_key())
    passes = Passes(open_networks, batch_frames)
    for loop in (passes.run, lambda: _accept(listener, passes)):
        threading.Thread(target=_run_or_exit, args=(loop,), daemon=True).start()
    try:
        lifeline.send("listening")
        lifeline.recv()
    except (EOFError, OSError):
        shutil.rmtree(Path(socket).parent, ignore_errors=True)
    finally:
        os._exit(0)  # nobody reads a pass that is still running


def _run_or_exit(loop: Callable[[], None]) -> None:
    """Runs a thread that the process depends on and ends the process with it: clients then fail instead of waiting."""
    try:
        loop()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _accept(listener: Listener, passes: Passes) -> None:
    while True:
        try:
            connection = listener.accept()
        except (multiprocessing.AuthenticationError, EOFError, ConnectionError):
            continue  # the client is gone, or lacks the key
        threading.Thread(target=_attend, args=(connection, passes), daemon=True).start()


def _attend(connection: Any, passes: Passes) -> None:
    """Answers the requests of one client, one after the other, until it disconnects."""
    with connection, passes.client():
        while True:
            try:
                call, images = connection.recv()
                connection.send(passes.answer(call, images))
            except (EOFError, OSError):
                return


@dataclass(frozen=True, eq=False)
class _Request:
    call: Call
    images: ImageBatch
    answer: Future[Any] = field(default_factory=Future)

    @property
    def kind(self) -> tuple[Call, tuple[int, ...]]:
        """Requests of one kind may share a pass: same call, same image size."""
        return self.call, self.images.shape[1:]


class Passes:
    """Gathers requests of several threads into forward passes, first come, first served."""

    def __init__(self, open_networks: Callable[[], Networks], batch_frames: int) -> None:
        self.batch_frames = batch_frames
        self._open = open_networks
        self._networks: Networks | None = None
        self._arriving: Queue[_Request] = Queue()
        self._waiting: list[_Request] = []
        self._clients: set[int] = set()

    @contextmanager
    def client(self) -> Iterator[None]:
        """While open, the calling thread counts as a client that may send requests."""
        own = threading.get_ident()
        self._clients.add(own)
        try:
            yield
        finally:
            self._clients.discard(own)

    def answer(self, call: Call, images: ImageBatch) -> Any:
        """The networks' answer, or the exception for the client to raise; waits for its turn."""
        request = _Request(call, images)
        self._arriving.put(request)
        return request.answer.result()

    def run(self) -> None:
        while True:
            self.gather()
            self.step()

    def gather(self) -> None:
        """Takes at least one request; waits a moment for other clients while the next pass has room."""
        if not self._waiting:
            self._waiting.append(self._arriving.get())
        until = time.monotonic() + GATHER_WAIT_S
        while len(self._waiting) < len(self._clients) and self._next()[1] > 0:
            try:
                self._waiting.append(self._arriving.get(timeout=max(0.0, until - time.monotonic())))
            except Empty:
                break

    def step(self) -> None:
        """One forward pass: the oldest request and those of its kind that fit in."""
        together, _ = self._next()
        self._waiting = [request for request in self._waiting if request not in together]
        try:
            if self._networks is None:
                self._networks = self._open()
        except BackendUnavailableError as error:
            _answer_all(together, error)
        except Exception as error:
            _answer_all(together, NetworksFailed(f"the networks can't be opened: {_told(error)}"))
        else:
            _answer(together, self._networks)

    def _next(self) -> tuple[list[_Request], int]:
        """Requests of the next pass, and for how many more images it has room."""
        first, *others = self._waiting
        pixels = first.images.shape[1] * first.images.shape[2]
        room = min(self.batch_frames, MAX_PASS_PIXELS // pixels) - len(first.images)
        together = [first]
        for request in others:
            if request.kind == first.kind and len(request.images) <= room:
                together.append(request)
                room -= len(request.images)
        return together, room


def _answer(together: list[_Request], networks: Networks) -> None:
    """Runs a pass. Requests of one that fails are run one by one, so that each client is told of its own images."""
    images = np.concatenate([request.images for request in together])
    try:
        found = getattr(networks, together[0].call)(images)
    except Exception as error:
        if any(text in str(error) for text in DEVICE_FAILED):
            _answer_all(together, NetworksFailed(f"the device failed: {_told(error)}"))
        elif len(together) == 1:
            text = f"a pass of {images.shape} images failed: {_told(error)}"
            _answer_all(together, PassFailed(text))
        else:
            for request in together:
                _answer([request], networks)
    else:
        starts = np.cumsum([0, *(len(request.images) for request in together)])
        for request, start in zip(together, starts, strict=False):
            request.answer.set_result(found[start : start + len(request.images)])


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _answer_all(requests: list[_Request], error: Exception) -> None:
    for request in requests:
        request.answer.set_result(error)
