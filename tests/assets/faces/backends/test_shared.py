"""One process owns the face networks: shared passes, the same answers, and what happens when a process dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from assets.faces import clip_faces as faces
from assets.faces.backends.face_alignment import FaceAlignmentBackend
from assets.faces.backends.interface import BackendUnavailableError
from assets.faces.backends.opening import open_backend, shared_networks
from assets.faces.backends.shared import (
    MAX_PASS_PIXELS,
    NetworksFailed,
    Passes,
    PassFailed,
    SharedNetworks,
    served,
)
from assets.faces.clip_faces import TRACKS, FacesPayload, compute_faces
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.timeline import Span
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected
from tests.assets.faces.backends.random_networks import (
    ENDS,
    FAILS,
    SLOW,
    SLOW_S,
    DlibNetworks,
    PassNetworks,
    images_of,
    untrained_networks,
)

FAN = TrackSettings(backend="face_alignment", device="cpu")
OWN_END = 7
ROUNDS = 40


@pytest.fixture
def socket() -> Iterator[str]:
    with served(PassNetworks, batch_frames=4) as socket:
        yield socket


def ask(socket: str, value: int) -> float:
    """One image's answer; with OWN_END the client is killed while a slow pass runs for it."""
    if value == OWN_END:
        threading.Timer(SLOW_S / 2, os.kill, (os.getpid(), signal.SIGKILL)).start()
        value = SLOW
    return float(SharedNetworks(socket).detect(images_of(value))[0][0].box[0])


def send_many(socket: str, value: int, start: object, answers: object) -> None:
    """Sends many requests, and reports the values answered and how many images were in each pass."""
    networks = SharedNetworks(socket)
    networks.detect(images_of(value))
    start.wait()
    found = [networks.detect(images_of(value))[0][0] for _ in range(ROUNDS)]
    answers.put(
        ({float(face.box[0]) for face in found}, {face.confidence for face in found}, "torch" in sys.modules)
    )


def test_images_of_two_processes_share_a_pass(socket: str) -> None:
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(2), context.Queue()
    clients = [context.Process(target=send_many, args=(socket, value, start, answers)) for value in (11, 12)]
    for client in clients:
        client.start()
    reports = sorted((answers.get(timeout=60) for _ in clients), key=lambda entry: min(entry[0]))
    for client in clients:
        client.join()
    assert [values for values, _, _ in reports] == [{11.0}, {12.0}]
    for _, in_pass, has_torch in reports:
        assert 2.0 in in_pass and not has_torch


@pytest.mark.parametrize(
    "requests, passes",
    [
        ([(1, 64), (1, 64), (2, 64)], [[0, 1, 2]]),
        ([(2, 64), (1, 128), (1, 64), (3, 128)], [[0, 2], [1, 3]]),
        ([(3, 64), (2, 64), (1, 64)], [[0, 2], [1]]),
        ([(9, 64), (1, 64)], [[0], [1]]),
        ([(1, 2048), (1, 2048)], [[0], [1]]),
    ],
)
def test_a_pass_holds_images_of_one_size_up_to_its_limits(
    requests: list[tuple[int, int]], passes: list[list[int]]
) -> None:
    assert MAX_PASS_PIXELS == 2048**2
    gathered = Passes(PassNetworks, batch_frames=4)
    with ThreadPoolExecutor(len(requests)) as threads:
        answers = []
        for value, (number, side) in enumerate(requests):
            answers.append(threads.submit(gathered.answer, "detect", images_of(value, number, side)))
            while gathered._arriving.qsize() <= value:
                time.sleep(0.001)
        gathered._waiting = [gathered._arriving.get() for _ in requests]
        for _ in passes:
            gathered.step()
        assert not gathered._waiting
        for together in passes:
            num_images = sum(requests[value][0] for value in together)
            for value in together:
                found = answers[value].result()
                assert len(found) == requests[value][0]
                assert {(face.box[0], face.confidence) for (face,) in found} == {(value, num_images)}


def test_shared_networks_answer_as_own_ones() -> None:
    random = np.random.default_rng(3)
    sizes = [(70, 90), (70, 90), (60, 64), (100, 120)]
    images = [random.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]
    box = np.array([10, 8, 52, 50], np.float32)
    own = FaceAlignmentBackend(untrained_networks(), batch_frames=4)
    with served(untrained_networks, batch_frames=4) as socket, ThreadPoolExecutor(2) as clients:
        shared = [FaceAlignmentBackend(SharedNetworks(socket), batch_frames=4) for _ in range(2)]
        for answer in [clients.submit(backend.detect, images) for backend in shared]:
            for faces_here, faces_there in zip(own.detect(images), answer.result(), strict=True):
                assert faces_here and len(faces_here) == len(faces_there)
                for here, there in zip(faces_here, faces_there, strict=True):
                    np.testing.assert_allclose(here.box, there.box, atol=1e-3)
        points = own.landmarks(images[:1], [box])
        for answer in [clients.submit(backend.landmarks, images[:1], [box]) for backend in shared]:
            assert np.abs(answer.result() - points).mean() < 0.1
        assert shared[0].is_face(images[0]) == own.is_face(images[0])


def test_tracks_of_a_pool_are_those_of_the_calling_process(
    grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def payload(path: Path, socket: str | None) -> FacesPayload:
        return FacesPayload(
            path=path,
            span=Span(start_s=0.0, num_frames=30),
            clip_digest="",
            track_settings=FAN,
            crop_settings=CropSettings(),
            networks_socket=socket,
        )

    wanted = frozenset({TRACKS})
    with served(DlibNetworks, batch_frames=16) as socket, ClipPool(PoolSettings(num_workers=2)) as pool:
        futures = [pool.submit(compute_faces, payload(path, socket), wanted) for path in grid_clips[:2]]
        rows = [pool.result(future, TRACKS)[TRACKS] for future in futures]
    monkeypatch.setattr(faces, "_backend", lambda *_: FaceAlignmentBackend(DlibNetworks(), batch_frames=16))
    assert rows == [compute_faces(payload(path, None), wanted)[TRACKS] for path in grid_clips[:2]]
    assert [row["num_frames"] for row in rows] == [30, 30]


def test_a_worker_killed_in_a_request_costs_its_clip_alone(socket: str) -> None:
    values = [1, OWN_END, 2, 3, OWN_END, 4]
    with ClipPool(PoolSettings(num_workers=2)) as pool:
        futures = [pool.submit(ask, socket, value) for value in values]
        results = [pool.result(future, TRACKS) for future in futures]
    answers = [result.reason if isinstance(result, Rejected) else result for result in results]
    assert answers == [1.0, "worker_crashed", 2.0, 3.0, "worker_crashed", 4.0]


def test_a_pass_that_fails_costs_its_clip_only_with_the_reason(socket: str) -> None:
    with ClipPool(PoolSettings(num_workers=1)) as pool:
        failing, fine = (pool.submit(ask, socket, value) for value in (FAILS, 5))
        failed = pool.result(failing, TRACKS)
        assert failed.reason == "unexpected_error"
        assert "(1, 64, 64, 3) images failed: ArithmeticError: no such face" in failed.detail
        assert pool.result(fine, TRACKS) == 5.0


def test_of_a_shared_pass_that_fails_only_the_images_that_fail_are_lost() -> None:
    gathered = Passes(PassNetworks, batch_frames=4)
    with ThreadPoolExecutor(2) as threads:
        failing, fine = (threads.submit(gathered.answer, "detect", images_of(value)) for value in (FAILS, 5))
        while gathered._arriving.qsize() < 2:
            time.sleep(0.001)
        gathered._waiting = [gathered._arriving.get() for _ in range(2)]
        gathered.step()
        assert isinstance(failing.result(), PassFailed)
        assert fine.result()[0][0].box[0] == 5


def test_networks_that_are_gone_are_a_defect_at_once(socket: str) -> None:
    with ClipPool(PoolSettings(num_workers=1)) as pool:
        for value in (ENDS, 1):
            future = pool.submit(ask, socket, value)
            with pytest.raises(NetworksFailed, match="the process that owns the face networks is gone"):
                pool.result(future, TRACKS)


def test_an_answer_that_was_not_read_is_never_taken_for_the_next(socket: str) -> None:
    networks = SharedNetworks(socket)
    networks.detect(images_of(1))

    class OutOfMemory:
        def __init__(self, connection: object) -> None:
            self.send = connection.send

        def recv(self) -> object:
            raise MemoryError

    networks._connection = OutOfMemory(networks._connection)
    with pytest.raises(MemoryError):
        networks.detect(images_of(2))
    assert networks.detect(images_of(3))[0][0].box[0] == 3


def test_missing_weights_are_named_to_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with shared_networks(FAN, num_workers=1) as socket:
        backend = open_backend(FAN, socket)
        with pytest.raises(
            BackendUnavailableError, match=r"s3fd-619a316812\.pth is missing; fetch the weights"
        ):
            backend.detect([images_of(0)[0]])


def test_networks_that_do_not_start_are_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("folder" * 20)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(NetworksFailed, match="did not start"), served(PassNetworks, batch_frames=4):
        pass


def test_who_shares_nothing_starts_nothing() -> None:
    for settings, num_workers in ((TrackSettings(), 4), (FAN, 0)):
        with shared_networks(settings, num_workers) as socket:
            assert socket is None
    assert not [p for p in multiprocessing.active_children() if p.name == "face networks"]


PARENT = """
import multiprocessing, signal, time
from assets.faces.backends.shared import SharedNetworks, served
from tests.assets.faces.backends.random_networks import PassNetworks, images_of

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell start with Ctrl-C ignored
    with served(PassNetworks, batch_frames=4) as socket:
        SharedNetworks(socket).detect(images_of(1))
        print(multiprocessing.active_children()[0].pid, socket, flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_the_process_ends_with_its_run_and_listens_on_no_port(tmp_path: Path, ending: int) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(__file__).resolve().parents[4])
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    pid, socket = parent.stdout.readline().split()
    owner = psutil.Process(int(pid))
    assert owner.net_connections(kind="inet") == [] and Path(socket).is_socket()
    parent.send_signal(ending)
    parent.communicate(timeout=30)
    until = time.monotonic() + 20
    while owner.is_running() and owner.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.05)
    assert not owner.is_running() or owner.status() == psutil.STATUS_ZOMBIE
    assert not Path(socket).parent.exists()
