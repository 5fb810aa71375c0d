"""Batches drawn ahead: in order, by a thread or by processes the same, and an error in drawing is the training's."""

from __future__ import annotations

import multiprocessing
import threading
from types import SimpleNamespace

import pytest
import torch

from cals_models.training import prefetch
from cals_models.training.prefetch import Prefetcher
from cals_models.training.stage import Batch

CPU = torch.device("cpu")


def draw(number: int) -> Batch:
    if number == 7:
        raise ValueError("batch 7 cannot be drawn")
    return {
        "number": torch.tensor([number]),
        "noise": torch.randn(3, generator=torch.Generator().manual_seed(number)),
    }


@pytest.mark.parametrize("num_processes", [0, 2])
def test_batches_come_in_order_and_from_their_numbers_alone(num_processes: int) -> None:
    with Prefetcher(draw, first=2, last=6, device=CPU, num_processes=num_processes) as batches:
        taken = [batches.take() for _ in range(4)]
    assert [batch["number"].item() for batch in taken] == [2, 3, 4, 5]
    assert all(torch.equal(batch["noise"], draw(n)["noise"]) for n, batch in enumerate(taken, start=2))
    assert batches.waited_s > 0


@pytest.mark.parametrize("num_processes", [0, 2])
def test_an_error_in_drawing_reaches_the_training(num_processes: int) -> None:
    with Prefetcher(draw, first=6, last=9, device=CPU, num_processes=num_processes) as batches:
        assert batches.take()["number"].item() == 6
        with pytest.raises(ValueError) as error:
            batches.take()
        assert str(error.value) == "batch 7 cannot be drawn"


@pytest.mark.parametrize("num_processes", [0, 2])
def test_closing_early_ends_the_drawing(num_processes: int) -> None:
    before = set(threading.enumerate())
    batches = Prefetcher(lambda _: draw(0), first=0, last=10_000, device=CPU, num_processes=num_processes)
    with batches:
        batches.take()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)  # those that fed the processes end in their own time
    assert not multiprocessing.active_children() and set(threading.enumerate()) <= before


def test_processes_are_no_more_than_shared_memory_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {"frames": torch.zeros(1_000_000, dtype=torch.uint8)}
    room = {"free": 2 * 3 * 2_000_000}
    monkeypatch.setattr(prefetch.shutil, "disk_usage", lambda _: SimpleNamespace(**room))
    monkeypatch.setattr(prefetch.os, "sched_getaffinity", lambda _: set(range(16)))
    assert prefetch._processes_for(batch) == 2
    room["free"] = 1 << 40
    assert prefetch._processes_for(batch) == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert prefetch._processes_for(batch) == 2
    room["free"] = 1_000_000
    assert prefetch._processes_for(batch) == 0
