"""Compares Dagster's storage with the live processes and the ledger."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection, Iterator
from functools import partial

import dagster as dg
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from assets.project.settings import Project
from assets.stage.partitions import partition_key
from assets.stage.run_tags import CAUSE_TAG, MADE_BY_TAG
from assets.store.ledger import Heads
from pipelines.lineage.ledger_graph import Row, label, partition
from pipelines.repair.current_rows import current_rows
from pipelines.repair.flaw import Flaw
from pipelines.repair.interruption import is_alive

HOST_TAG = "cals.host"
PROCESS_TAG = "cals.process"
PARTITION_TAG = "dagster/partition"
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
EVENTS_READ = 500
# A run that no process started within this time is dead.
START_WAIT_S = 3600.0


def process_tags() -> dict[str, str]:
    """Tags of a run that this process executes: they show that it is dead even if it was killed before its first event."""
    return {HOST_TAG: platform.node(), PROCESS_TAG: f"{os.getpid()}@{time.time()}"}


def find_dead_runs(instance: DagsterInstance) -> Iterator[Flaw]:
    """Runs that Dagster marks as running although every process that wrote their events is gone."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        is_old = time.time() - record.create_timestamp.timestamp() > START_WAIT_S
        if not _has_live_process(instance, run, when_unknown=not is_old):
            cause = run.tags.get(CAUSE_TAG, run.job_name)
            yield Flaw(
                kind="dead_dagster_run",
                text=f"Dagster run {run.run_id[:8]} ({cause}) is marked {run.status.value.lower()}, but its process is gone",
                remedy="marked as failed, its place in the pool freed",
                mend=partial(_fail, instance, run),
            )


def _has_live_process(instance: DagsterInstance, run: DagsterRun, *, when_unknown: bool = True) -> bool:
    """Whether a process that executes the run or wrote its events is alive; ``when_unknown`` if none is known yet."""
    if run.tags.get(HOST_TAG, platform.node()) != platform.node():
        return True  # a process of another host, which is not visible here
    pid, _, since_s = run.tags.get(PROCESS_TAG, "").partition("@")
    if pid:
        return is_alive(int(pid), float(since_s))
    records = instance.get_records_for_run(run.run_id, limit=EVENTS_READ, ascending=False).records
    seen: dict[int, float] = {}
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None and event.pid is not None:
            seen.setdefault(event.pid, record.event_log_entry.timestamp)
    if not seen:
        return when_unknown
    return any(is_alive(pid, timestamp) for pid, timestamp in seen.items())


def _fail(instance: DagsterInstance, run: DagsterRun) -> None:
    instance.report_run_failed(run, "its process ended without finishing; what it had finished is kept")
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        storage.free_concurrency_slots_for_run(run.run_id)


def datasets_of_live_runs(instance: DagsterInstance) -> set[str]:
    """Datasets on which a Dagster run is working now, e.g. one started from the UI."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    keys = [run.tags.get(PARTITION_TAG, "") for run in runs if _has_live_process(instance, run)]
    return {key.split("|")[0] for key in keys if key}


def find_differences(
    project: Project, instance: DagsterInstance, heads: Heads, busy: Collection[str] = ()
) -> Iterator[Flaw]:
    """Partitions for which Dagster and the ledger have different last materialisations."""
    for row in current_rows(project, heads, busy):
        known = _materialised_by(instance, row)
        if known == row["dagster_run_id"]:
            continue
        reported = "none" if known is None else f"one of run {known[:8] or 'reported by hand'}"
        yield Flaw(
            kind="dagster_differs",
            text=f"{label(row)}: the ledger has the materialisation of run {row['dagster_run_id'][:8]}, Dagster {reported}",
            remedy="to be made again, from what is kept of it",
            remake=(partition(row),),
        )


def _materialised_by(instance: DagsterInstance, row: Row) -> str | None:
    """The Dagster run of a partition's last materialisation; None if there is none."""
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(row["asset"]),
        asset_partitions=[str(partition_key(row["dataset"], row["method"]))],
    )
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    event = records[0].asset_materialization
    tags = event.tags if event is not None and event.tags else {}
    return tags.get(MADE_BY_TAG, records[0].run_id)
