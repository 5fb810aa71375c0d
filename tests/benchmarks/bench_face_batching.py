"""Faces of several clips through one process that owns SFD and FAN, against one clip after the other.

    python -m tests.benchmarks.bench_face_batching --device cuda [--clips 16] [--workers 1 4 8 16] [--frames 64]

Needs torch, numpy, opencv and face-alignment, and no weights: the networks have their real shapes and random values, and
a bias that keeps SFD from finding a face at every pixel. The requests are those of the tracker for each batch of frames
of a followed face: SFD on its first and last frame, FAN on these two and then on all. Nothing is decoded. Compared are, in
frames a second, without the start of processes and each repeated:

    in turn     one process with networks of its own, one clip after the other
    own         as many processes as workers, each with networks of its own
    shared      as many processes as workers, clients of one more that owns the networks
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from assets.faces.backends.face_alignment import FaceAlignmentBackend, Networks
from assets.faces.backends.shared import SharedNetworks, served

WINDOW_PX = 163
VIEW_PX = 340
BACKGROUND_BIAS = 4.0
START_WAIT_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """Frames of clips, and who computes them."""

    device: str
    num_clips: int
    num_frames: int
    batch_frames: int


def random_networks(device: str) -> Networks:
    import torch

    from assets.faces.backends.face_networks import FaceNetworks, build_networks

    torch.manual_seed(0)
    detector, aligner = build_networks()
    with torch.no_grad():
        for name, layer in detector.named_children():
            if name.endswith("_conf"):
                layer.bias[:-1] += BACKGROUND_BIAS
    return FaceNetworks(detector, aligner, device=device)


def follow(backend: FaceAlignmentBackend, clip: int, num_frames: int) -> None:
    """What the tracker asks of a back end for a clip with one face in all frames."""
    random = np.random.default_rng(clip)
    window = random.integers(0, 255, (WINDOW_PX, WINDOW_PX, 3), dtype=np.uint8)
    view = random.integers(0, 255, (VIEW_PX, VIEW_PX, 3), dtype=np.uint8)
    box = np.array([70, 70, 270, 270], np.float32)
    for start in range(0, num_frames, backend.batch_frames):
        num = min(backend.batch_frames, num_frames - start)
        backend.detect([window] * min(num, 2))
        for _ in range(min(num, 2)):
            backend.landmarks([view], [box])
        backend.landmarks([view] * num, [box] * num)


def worker(number: int, num_workers: int, socket: str | None, work: Work, start: Any, done: Any) -> None:
    """One process: every ``num_workers``-th clip, each time it is let go; then it says so."""
    cv2.setNumThreads(1)
    networks = random_networks(work.device) if socket is None else SharedNetworks(socket)
    if socket is None and num_workers > 1:
        import torch

        torch.set_num_threads(1)
    backend = FaceAlignmentBackend(networks, batch_frames=work.batch_frames)
    follow(backend, number, min(work.num_frames, work.batch_frames))
    while True:
        start.wait(START_WAIT_S)
        for clip in range(number, work.num_clips, num_workers):
            follow(backend, clip, work.num_frames)
        done.wait(START_WAIT_S)


@contextmanager
def workers(num: int, socket: str | None, work: Work) -> Iterator[tuple[Any, Any]]:
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(num + 1), context.Barrier(num + 1)
    processes = [
        context.Process(target=worker, args=(number, num, socket, work, start, done), daemon=True)
        for number in range(num)
    ]
    for process in processes:
        process.start()
    try:
        yield start, done
    finally:
        for process in processes:
            process.terminate()
            process.join()


def frames_per_second(num_workers: int, socket: str | None, work: Work, repeats: int) -> float:
    """The best of several runs over all clips."""
    seconds = []
    with workers(num_workers, socket, work) as (start, done):
        for _ in range(repeats):
            start.wait(START_WAIT_S)
            begun = time.perf_counter()
            done.wait(START_WAIT_S)
            seconds.append(time.perf_counter() - begun)
    return work.num_clips * work.num_frames / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), required=True)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--frames", type=int, default=64, help="of each clip")
    parser.add_argument("--batch-frames", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-own", action="store_true", help="leave out processes with own networks")
    given = parser.parse_args()
    work = Work(
        device=given.device,
        num_clips=given.clips,
        num_frames=given.frames,
        batch_frames=given.batch_frames,
    )
    in_turn = frames_per_second(1, None, work, given.repeats)
    print(f"{'':10}{'workers':>8}{'frames/s':>10}{'x in turn':>11}", flush=True)
    print(f"{'in turn':10}{1:8}{in_turn:10.1f}{1:11.2f}", flush=True)
    for num_workers in given.workers:
        rates = {}
        if not given.without_own:
            rates["own"] = frames_per_second(num_workers, None, work, given.repeats)
        with served(partial(random_networks, given.device), batch_frames=given.batch_frames) as socket:
            rates["shared"] = frames_per_second(num_workers, socket, work, given.repeats)
        for name, rate in rates.items():
            print(f"{name:10}{num_workers:8}{rate:10.1f}{rate / in_turn:11.2f}", flush=True)


if __name__ == "__main__":
    main()
