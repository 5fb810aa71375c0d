"""One process that owns SFD and FAN; the workers of a pool are its clients.

What waits from several workers goes through the networks in common passes: pictures of one size, so that what is
found in a clip depends on its company by no more than the rounding of a device's kernels, which differ by batch size. A device holds the networks once, and a worker loads no torch, whose
address space its memory limit would count.

The process lives as long as the other end of its pipe is open, which is what ends it with the pool and after a
``kill -9`` of the run alike. It listens on a Unix-domain socket in a folder of its own; multiprocessing's own key, which
its children have, is asked for.
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

from assets.faces.backends.face_alignment import Networks, Pictures
from assets.faces.backends.interface import BackendUnavailableError, Detection

STRAGGLERS_S = 0.002
MAX_PASS_PIXELS = 1 << 22
STOP_WAIT_S = 10.0
SOCKET_NAME = "networks"
BACKLOG = 64
Call = Literal["detect", "landmarks"]


class NetworksFailed(RuntimeError):
    """The process that owns the networks is gone, or they failed: a defect of the run, never of a clip."""


class SharedNetworks:
    """The networks of another process. Connects at first use."""

    def __init__(self, socket: str) -> None:
        """Takes the socket that ``served`` gave."""
        self.socket = socket
        self._connection: Any = None

    def detect(self, pictures: Pictures) -> list[list[Detection]]:
        found: list[list[Detection]] = self._ask("detect", pictures)
        return found

    def landmarks(self, pictures: Pictures) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._ask("landmarks", pictures)
        return found

    def _ask(self, call: Call, pictures: Pictures) -> Any:
        try:
            connection = self._connection or Client(self.socket, authkey=_key())
            self._connection = None  # an answer left unread by an error must not be taken for the next one
            connection.send((call, pictures))
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
    """Runs the process that owns the networks; its socket, for ``SharedNetworks`` of this process's children.

    Args:
        open_networks: picklable; called in that process, when the first pictures come.
        batch_frames: pictures a pass at most.

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
    """The process: threads take requests and make passes; it ends when the pipe's other end is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the run says when it is over
    listener = Listener(socket, backlog=BACKLOG, authkey=_key())
    passes = Passes(open_networks, batch_frames)
    for endless in (passes.run, lambda: _accept(listener, passes)):
        threading.Thread(target=_or_end, args=(endless,), daemon=True).start()
    try:
        lifeline.send("listening")
        lifeline.recv()
    except (EOFError, OSError):
        shutil.rmtree(Path(socket).parent, ignore_errors=True)
    finally:
        os._exit(0)  # no waiting for a pass that nobody reads


def _or_end(endless: Callable[[], None]) -> None:
    """A thread without which the process is of no use: clients of a dead one are told, of a deaf one they wait."""
    try:
        endless()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _accept(listener: Listener, passes: Passes) -> None:
    while True:
        try:
            connection = listener.accept()
        except (multiprocessing.AuthenticationError, EOFError, ConnectionError):
            continue  # it went away, or is none of ours
        threading.Thread(target=_attend, args=(connection, passes), daemon=True).start()


def _attend(connection: Any, passes: Passes) -> None:
    """Requests of one client, one after the other, until it goes away; its end is nobody else's matter."""
    with connection, passes.client():
        while True:
            try:
                call, pictures = connection.recv()
                connection.send(passes.answer(call, pictures))
            except (EOFError, OSError):
                return


@dataclass(frozen=True, eq=False)
class _Request:
    call: Call
    pictures: Pictures
    answer: Future[Any] = field(default_factory=Future)

    @property
    def kind(self) -> tuple[Call, tuple[int, ...]]:
        """What may go through the networks together."""
        return self.call, self.pictures.shape[1:]


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
        """While it is open, the calling thread counts as one that may ask."""
        own = threading.get_ident()
        self._clients.add(own)
        try:
            yield
        finally:
            self._clients.discard(own)

    def answer(self, call: Call, pictures: Pictures) -> Any:
        """What the networks say of the pictures, or the exception for the client to raise; waits for its turn."""
        request = _Request(call, pictures)
        self._arriving.put(request)
        return request.answer.result()

    def run(self) -> None:
        while True:
            self.gather()
            self.step()

    def gather(self) -> None:
        """Takes what has come, at least one request; while a pass has room, a moment longer for other clients."""
        if not self._waiting:
            self._waiting.append(self._arriving.get())
        until = time.monotonic() + STRAGGLERS_S
        while len(self._waiting) < len(self._clients) and self._next()[1] > 0:
            try:
                self._waiting.append(self._arriving.get(timeout=max(0.0, until - time.monotonic())))
            except Empty:
                break

    def step(self) -> None:
        """One forward pass: the oldest request and those of its kind that there is room for."""
        together, _ = self._next()
        self._waiting = [request for request in self._waiting if request not in together]
        pictures = np.concatenate([request.pictures for request in together])
        try:
            if self._networks is None:
                self._networks = self._open()
            found = getattr(self._networks, together[0].call)(pictures)
        except BackendUnavailableError as error:
            _answer_all(together, error)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            _answer_all(together, NetworksFailed(f"a pass of {pictures.shape} pictures failed: {text}"))
        else:
            starts = np.cumsum([0, *(len(request.pictures) for request in together)])
            for request, start in zip(together, starts, strict=False):
                request.answer.set_result(found[start : start + len(request.pictures)])

    def _next(self) -> tuple[list[_Request], int]:
        """Requests of the next pass, and for how many more pictures it has room."""
        first, *others = self._waiting
        pixels = first.pictures.shape[1] * first.pictures.shape[2]
        room = min(self.batch_frames, MAX_PASS_PIXELS // pixels) - len(first.pictures)
        together = [first]
        for request in others:
            if request.kind == first.kind and len(request.pictures) <= room:
                together.append(request)
                room -= len(request.pictures)
        return together, room


def _answer_all(requests: list[_Request], error: Exception) -> None:
    for request in requests:
        request.answer.set_result(error)
