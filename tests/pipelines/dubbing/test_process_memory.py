"""Freed memory goes back to the system; garbage collection is as it was."""

from __future__ import annotations

import gc
import subprocess
import sys

from pipelines.dubbing.process_memory import collections_paused, return_freed_memory

FREED = """
from pipelines.dubbing.process_memory import return_freed_memory

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) / 256

small = [bytes(3000) for _ in range(40_000)]
last = [bytes(3000) for _ in range(2)]  # holds the top of the heap
full = resident_mib()
del small
return_freed_memory()
assert resident_mib() < full - 90, (full, resident_mib())
"""


def test_freed_memory_goes_back() -> None:
    subprocess.run([sys.executable, "-c", FREED], check=True)


def test_garbage_collection_is_as_it_was() -> None:
    with collections_paused():
        assert not gc.isenabled()
        with collections_paused():
            pass
        assert not gc.isenabled(), "the outer pause ended"
    assert gc.isenabled()
    return_freed_memory()
