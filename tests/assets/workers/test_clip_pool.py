"""A worker's crash, hang or memory blow-up costs the one clip that it was at."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import time
from functools import partial

import pytest

from assets.workers.clip_pool import GIB, ClipPool, PoolSettings
from assets.workers.rejected import PipelineFault, Rejected, fault_of_no_clip


class Unpicklable(Exception):
    pass


def work(kind: str) -> str:
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "hang":
        time.sleep(600)
    if kind == "memory":
        return str(len(bytearray(64 * GIB)))
    if kind == "reject":
        raise Rejected("stage", "no_face", "no face in 75 frames")
    if kind == "defect":
        raise KeyError("a defect of the pipeline")
    if kind == "unpicklable":
        raise Unpicklable(lambda: None)
    if kind == "exit":
        raise SystemExit(0)
    if kind == "allocation":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
    if kind == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if kind == "weights":
        with fault_of_no_clip("the probe can't be opened"):
            raise ValueError("no such file")
    return kind.upper()


def test_bad_clips_cost_themselves_only() -> None:
    kinds = ["a", "crash", "b", "hang", "c", "memory", "d", "reject", "e"]
    with ClipPool(PoolSettings(num_workers=2, timeout_s=4.0, memory_bytes=4 * GIB)) as pool:
        futures = [pool.submit(work, kind) for kind in kinds]
        results = [pool.result(future, "stage") for future in futures]
    said = [r.reason if isinstance(r, Rejected) else r for r in results]
    assert said == ["A", "worker_crashed", "B", "timeout", "C", "out_of_memory", "D", "no_face", "E"]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_unexpected_error_costs_its_clip_and_is_told_with_its_place(num_workers: int) -> None:
    kinds = ["defect", "a", "unpicklable", "exit", "b", "allocation"]
    with ClipPool(PoolSettings(num_workers=num_workers)) as pool:
        results = [pool.result(future, "stage") for future in [pool.submit(work, kind) for kind in kinds]]
    assert (results[1], results[4], results[5].reason) == ("A", "B", "out_of_memory")
    details = {kind: results[kinds.index(kind)] for kind in ("defect", "unpicklable", "exit")}
    assert {told.reason for told in details.values()} == {"unexpected_error"}
    place = r"\(tests/assets/workers/test_clip_pool.py:\d+ in work\)"
    assert re.fullmatch(rf"KeyError: 'a defect of the pipeline' {place}", details["defect"].detail)
    assert re.fullmatch(rf"Unpicklable: .* {place}", details["unpicklable"].detail)
    assert re.fullmatch(rf"SystemExit: 0 {place}", details["exit"].detail)


def test_the_place_is_the_innermost_line_of_the_project_and_of_the_library() -> None:
    with ClipPool(PoolSettings(num_workers=0)) as pool:
        told = pool.result(pool.submit(json.loads, "{"), "stage").detail
        named = pool.result(pool.submit(partial(PoolSettings, num_workers=-1)), "stage").detail
    assert re.fullmatch(r"JSONDecodeError: Expecting .* \(.*json/decoder.py:\d+ in raw_decode\)", told)
    assert re.search(r"\(assets/workers/clip_pool.py:\d+ in __post_init__\)", named)


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("kind, error", [("disk", OSError), ("weights", PipelineFault)])
def test_what_no_clip_causes_is_raised(kind: str, error: type[Exception], num_workers: int) -> None:
    with ClipPool(PoolSettings(num_workers=num_workers)) as pool, pytest.raises(error):
        pool.result(pool.submit(work, kind), "stage")


@pytest.mark.parametrize(
    "field, value", [("num_workers", -1), ("timeout_s", 0), ("memory_bytes", 1), ("clips_per_worker", 0)]
)
def test_settings_say_what_would_be_right(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        PoolSettings(**{field: value})
