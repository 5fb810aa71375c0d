"""A worker's crash, hang or memory blow-up costs the one clip that it was at."""

from __future__ import annotations

import os
import signal
import time

import pytest

from assets.workers.clip_pool import GIB, ClipPool, PoolSettings
from assets.workers.rejected import Rejected


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
    return kind.upper()


def test_bad_clips_cost_themselves_only() -> None:
    kinds = ["a", "crash", "b", "hang", "c", "memory", "d", "reject", "e"]
    with ClipPool(PoolSettings(num_workers=2, timeout_s=4.0, memory_bytes=4 * GIB)) as pool:
        futures = [pool.submit(work, kind) for kind in kinds]
        results = [pool.result(future, "stage") for future in futures]
    said = [r.reason if isinstance(r, Rejected) else r for r in results]
    assert said == ["A", "worker_crashed", "B", "timeout", "C", "out_of_memory", "D", "no_face", "E"]


def test_a_defect_is_raised() -> None:
    with ClipPool(PoolSettings(num_workers=1)) as pool, pytest.raises(KeyError):
        pool.result(pool.submit(work, "defect"), "stage")


@pytest.mark.parametrize(
    "field, value", [("num_workers", -1), ("timeout_s", 0), ("memory_bytes", 1), ("clips_per_worker", 0)]
)
def test_settings_say_what_would_be_right(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        PoolSettings(**{field: value})
