"""Finds and repairs what a kill or a manual change left inconsistent, and reports each repair in a sentence.

``needs_repair`` reads only files whose size or time changed and loads neither Dagster nor MLflow. ``cals run`` calls ``repair``
before it plans; ``cals doctor`` calls ``find_flaws``, which changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from filelock import FileLock

from assets.project.home import Home
from assets.project.settings import Project
from assets.store import ledger
from assets.store.file_digests import FileDigests
from pipelines.lineage.ledger_graph import Partition
from pipelines.repair.flaw import Flaw, partition_label
from pipelines.repair.interruption import busy_datasets, find_interrupted
from pipelines.repair.ledger_rows import find_ledger_flaws
from pipelines.repair.outputs import find_output_flaws
from pipelines.repair.stamp import home_stamp, read_stamp, write_stamp
from pipelines.repair.temporary_files import find_left_over
from pipelines.repair.warehouse import find_old_warehouse, find_warehouse_differences

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """What was repaired.

    Args:
        lines: one sentence a repair.
        remake: partitions to materialise again although their inputs did not change.
    """

    lines: list[str]
    remake: set[Partition]


def needs_repair(project: Project) -> bool:
    """Whether a run was killed, files of current partitions differ from their record, or the warehouse from its parts.

    In a home with the names, sizes and times of the last look that found nothing, nothing is read.
    """
    home = project.home
    if not home.parts.exists():
        return False
    if find_interrupted(home):
        return True
    stamp = home_stamp(project)
    if stamp is not None and stamp == read_stamp(home):
        return False
    if any(flaw.can_be_mended for flaw in find_ledger_flaws(project)):
        return True
    digests = FileDigests.open(home)
    busy = busy_datasets(home, project.datasets)
    outputs = find_output_flaws(project, ledger.heads(home), digests, busy)
    found = any(flaw.can_be_mended for flaw in chain(find_old_warehouse(home, digests), outputs))
    digests.save(home)
    if not found and not busy:
        write_stamp(home, home_stamp(project))
    return found


def find_flaws(project: Project, instance: DagsterInstance) -> list[Flaw]:
    """Every inconsistency, in order of repair."""
    digests = FileDigests.open(project.home)
    found = list(_find(project, instance, digests))
    if project.home.parts.exists() and os.access(project.home.warehouse, os.W_OK):
        digests.save(project.home)
    return found


def _find(project: Project, instance: DagsterInstance, digests: FileDigests) -> Iterator[Flaw]:
    from pipelines.repair.dagster_storage import datasets_of_live_runs, find_dead_runs, find_differences
    from pipelines.repair.mlflow_runs import (
        find_dead_mlflow_runs,
        find_orphaned_trainings,
        find_unmarked_models,
    )
    from pipelines.repair.registry import find_unregistered

    home = project.home
    if not home.root.exists():
        return
    busy = busy_datasets(home, project.datasets) | datasets_of_live_runs(instance)
    yield from find_ledger_flaws(project)
    heads = ledger.heads(home)
    yield from find_orphaned_trainings(home)
    yield from find_dead_runs(instance)
    yield from find_dead_mlflow_runs(project, busy)
    yield from find_unmarked_models(project)
    hosts = {row["host"] for row in ledger.read(home, ["host"])}
    yield from find_left_over(project, hosts, is_busy=bool(busy))
    yield from find_output_flaws(project, heads, digests, busy, deep=True)
    yield from find_differences(project, instance, heads, busy)
    yield from find_unregistered(project, heads, busy)
    old = list(find_old_warehouse(home, digests))
    yield from old
    if not busy and not any(flaw.kind == "old_warehouse" for flaw in old):
        yield from find_warehouse_differences(home)
    yield from find_interrupted(home)


def repair(
    project: Project, instance: DagsterInstance, say: Callable[[str], None] = lambda _: None
) -> Repairs:
    """Repairs what can be repaired at once, and lists what has to be materialised again.

    Each kind of flaw is searched after the earlier ones are repaired, since a training that outlived its run still writes.

    Args:
        say: called with each sentence.
    """
    lines: list[str] = []
    remake: set[Partition] = set()
    with FileLock(_lock(project.home)):
        digests = FileDigests.open(project.home)
        for flaw in _find(project, instance, digests):
            if not flaw.can_be_mended:
                lines.append(f"not repaired: {flaw.text}: {flaw.remedy}")
                say(lines[-1])
                continue
            if flaw.mend is not None:
                flaw.mend()
            again = ", ".join(partition_label(of) for of in flaw.remake if of not in remake)
            remake.update(flaw.remake)
            lines.append(f"repaired: {flaw.text}: {flaw.remedy}" + (f" (next: {again})" if again else ""))
            say(lines[-1])
        digests.save(project.home)
    return Repairs(lines=lines, remake=remake)


def _lock(home: Home) -> str:
    home.root.mkdir(parents=True, exist_ok=True)
    return str(home.root / ".repair.lock")
