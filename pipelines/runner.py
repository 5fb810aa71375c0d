"""``cals run``: materialises exactly what is stale, level by level, and plans again after each level."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterExecutionInterruptedError, DagsterInstance

from assets.project.graph import STAGES, computed_together
from assets.project.settings import Project
from assets.project.source_versions import TRAIN_ON
from assets.stage.partitions import partition_key
from assets.store import ledger
from assets.store.warehouse import publish
from pipelines.definitions import ALL_ASSETS, RESOURCES
from pipelines.instance import LEAST_FREE_GIB, free_bytes, open_instance, report_sources
from pipelines.repair.dagster_storage import process_tags
from pipelines.repair.interruption import working
from pipelines.repair.repair import repair
from pipelines.staleness import StalePartition, find_stale, selected_datasets

NO_CONSOLE_LOG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Say = Callable[[str], None]


class CannotRun(RuntimeError):
    """The run can't start or continue; one line says why and what to do."""


@dataclass(kw_only=True)
class RunOutcome:
    """Result of ``cals run``.

    Args:
        made: labels of the partitions materialised, in order.
        failed: label -> the error in one line.
        blocked: label -> the failed check that blocks it.
    """

    made: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.failed and not self.blocked


def say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run_stale(
    project: Project,
    datasets: Iterable[str] | None = None,
    to: str | None = None,
    force: Iterable[tuple[str, str, str | None]] = (),
    say: Say = say_on_stderr,
    instance: DagsterInstance | None = None,
) -> RunOutcome:
    """Materialises all stale partitions of the datasets that lead to ``to``.

    Raises:
        CannotRun: the disk under ``CALS_HOME`` is full.
        KeyboardInterrupt: a signal (SIGINT, SIGTERM) ended the running step; no further step is started.
    """
    names = [dataset.name for dataset in selected_datasets(project, datasets)]
    forced = set(force)
    outcome = RunOutcome()
    own = instance or open_instance(project)
    forced |= repair(project, own, say).remake
    with working(project.home, names):
        _make_levels(project, own, names, to, forced, outcome, say)
    return outcome


def make_partition(
    project: Project,
    partition: StalePartition,
    say: Say = say_on_stderr,
    instance: DagsterInstance | None = None,
) -> RunOutcome:
    """Materialises one partition, whatever else is stale."""
    outcome = RunOutcome()
    own = instance or open_instance(project)
    with working(project.home):
        _require_space(project)
        report_sources(project, own, [partition.dataset])
        _make(project, own, [partition], outcome, say)
        publish(project.home)
    return outcome


def _make_levels(
    project: Project,
    own: DagsterInstance,
    names: list[str],
    to: str | None,
    forced: set[tuple[str, str, str | None]],
    outcome: RunOutcome,
    say: Say,
) -> None:
    report_sources(project, own, names)
    mixed = [name for name in names if project.dataset(name).train_on]
    tried: dict[str, int] = {}
    while True:
        stale = find_stale(project, names, to, forced)
        outcome.blocked = {p.label: p.cause.text for p in stale if p.cause.kind == "blocked"}
        level = _next_level(stale, outcome, tried)
        if not level:
            break
        for group in level:
            _require_space(project)
            _make(project, own, group, outcome, say)
            for partition in group:
                tried[partition.label] = tried.get(partition.label, 0) + 1
                forced.discard((partition.asset, partition.dataset, partition.method))
        # This level may have written shards that other datasets train on.
        report_sources(project, own, mixed, [TRAIN_ON])
        publish(project.home)
    ledger.compact(project.home)


def _next_level(
    stale: list[StalePartition], outcome: RunOutcome, tried: dict[str, int]
) -> list[list[StalePartition]]:
    """Groups of partitions that can be materialised now; stages of one pass over the raw data form one group."""
    by_key = {(p.asset, p.dataset): p for p in stale if p.method is None}
    level, joined = [], set()
    for partition in stale:
        if not partition.ready or partition.label in outcome.failed or partition.label in joined:
            continue
        if tried.get(partition.label, 0) >= 2:
            outcome.failed[partition.label] = (
                f"is stale again right after it was made twice: {partition.cause.text}"
            )
            continue
        group = [partition]
        together = computed_together(partition.asset)
        if len(together) > 1:
            group = [
                by_key[(name, partition.dataset)] for name in together if (name, partition.dataset) in by_key
            ]
            joined |= {p.label for p in group}
        level.append(group)
    return level


def _make(
    project: Project, instance: DagsterInstance, group: list[StalePartition], outcome: RunOutcome, say: Say
) -> None:
    first = group[0]
    label = ", ".join(p.label for p in group)
    say(f"{label}: {first.cause.text}")
    start = time.monotonic()
    result = dg.materialize(
        ALL_ASSETS,
        selection=[p.asset for p in group],
        partition_key=partition_key(first.dataset, first.method),
        instance=instance,
        resources=RESOURCES,
        run_config=NO_CONSOLE_LOG,
        raise_on_error=False,
        tags={"cals.cause": first.cause.kind} | process_tags(),
    )
    seconds = time.monotonic() - start
    if result.success:
        outcome.made += [p.label for p in group]
        say(f"{label}: done in {seconds:.1f} s")
        return
    if _was_interrupted(result):
        raise KeyboardInterrupt
    error = _first_error(result)
    if _checked_and_failed(project, group, result.run_id):
        say(f"{label}: {error}")
        return
    for partition in group:
        outcome.failed[partition.label] = error
    say(f"{label}: failed: {error}")


def _checked_and_failed(project: Project, group: list[StalePartition], run_id: str) -> bool:
    """Whether the run materialised its partitions and a blocking check then failed."""
    heads = ledger.heads(project.home)
    rows = [heads.get((p.asset, p.dataset, p.method)) for p in group]
    return any(row is not None and row["dagster_run_id"] == run_id and row["blocked_by"] for row in rows)


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether a signal ended the run: Dagster reports SIGINT and SIGTERM as the failure of the running step."""
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        while error is not None:
            if error.cls_name == DagsterExecutionInterruptedError.__name__:
                return True
            error = error.cause
    return False


def _first_error(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            if error is not None:
                return " ".join(f"{error.cls_name}: {error.message.split(': ', 1)[-1]}".split())
    return "no error was reported; look at the run in cals ui"


def _require_space(project: Project) -> None:
    free_gib = free_bytes(project.home.root) / (1 << 30)
    if free_gib < LEAST_FREE_GIB:
        raise CannotRun(
            f"{project.home.root}: {free_gib:.2f} GiB free; at least {LEAST_FREE_GIB} GiB are needed: "
            "free some space or set CALS_HOME to another disk"
        )


def partitions_of(project: Project, dataset: str, asset: str) -> list[tuple[str, str, str | None]]:
    """The partitions of an asset for a dataset."""
    methods = project.dataset(dataset).methods if STAGES[asset].by_method else (None,)
    return [(asset, dataset, method) for method in methods]
