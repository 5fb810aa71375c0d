"""``cals run``: materialises exactly what is stale, level by level, and plans again after each level."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterExecutionInterruptedError, DagsterInstance

from assets.project.graph import computed_together
from assets.project.settings import Project
from assets.project.source_versions import TRAIN_ON
from assets.stage.partitions import partition_key
from assets.stage.run_tags import CAUSE_TAG, PLANNED_TAG, PUBLISHED_BY_TAG
from assets.store import ledger
from assets.store.forced_clips import FORCE_TAG, NOTHING_FORCED, ForcedClips, force_tag
from assets.store.warehouse import publish
from cals_models.terminal.printable import escaped
from pipelines.definitions import ALL_ASSETS, resources_of
from pipelines.instance import LEAST_FREE_GIB, free_bytes, open_instance, report_sources
from pipelines.repair.dagster_storage import process_tags
from pipelines.repair.interruption import working
from pipelines.repair.repair import repair
from pipelines.staleness import Partition, StalePartition, make_plan, selected_datasets
from pipelines.training_warnings import partition_warnings

# Causes for which a partition is made again although its inputs and its code did not change.
REPEATED = ("forced", "imported")
CHECK_FAILED = "DagsterAssetCheckFailedError"  # not among Dagster's public names
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
        failed_checks: label of each partition that is up to date and failed a blocking check -> which, and what to do.
        unexpected: label of each partition that lacks clips at which the pipeline failed -> which, and what to do.
        warnings: label of each model that this run made -> what its training warned of, by name.
    """

    made: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    failed_checks: dict[str, str] = field(default_factory=dict)
    unexpected: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.blocked or self.failed_checks or self.unexpected)

    @property
    def summary(self) -> str:
        """Numbers of partitions in one line."""
        words = [f"made {len(self.made)}", f"failed {len(self.failed)}", f"blocked {len(self.blocked)}"]
        words += [f"failed checks {len(self.failed_checks)}"] if self.failed_checks else []
        words += [f"with unexpected errors {len(self.unexpected)}"] if self.unexpected else []
        return ", ".join(words)

    def warning_lines(self) -> list[str]:
        """One line for each warning of a training."""
        return [
            f"warning: {label}: {name}: {text}"
            for label, found in self.warnings.items()
            for name, text in found.items()
        ]

    def problems(self) -> list[str]:
        """One line for each failure, each failed check with what waits for it, and each other cause of a block."""
        lines = [f"{label}: {why}" for label, why in self.failed.items()]
        waiting: dict[str, list[str]] = {}
        for label, why in self.blocked.items():
            waiting.setdefault(why, []).append(label)
        for label, why in self.failed_checks.items():
            stopped = len(waiting.pop(why, ()))
            lines.append(
                f"{label}: {why}" + (f" ({_partitions(stopped)} below it blocked)" if stopped else "")
            )
        lines += [f"{label}: {why}" for label, why in self.unexpected.items()]
        for why, labels in waiting.items():
            more = f" and {_partitions(len(labels) - 1)} more" if len(labels) > 1 else ""
            lines.append(f"{labels[0]}{more}: blocked: {why}")
        return lines


def _partitions(number: int) -> str:
    return f"{number} partition" + ("s" if number != 1 else "")


def say_on_stderr(line: str) -> None:
    print(escaped(line, keep="\n"), file=sys.stderr, flush=True)


def run_stale(
    project: Project,
    datasets: Iterable[str] | None = None,
    to: str | None = None,
    force: Mapping[Partition, ForcedClips] | None = None,
    say: Say = say_on_stderr,
    instance: DagsterInstance | None = None,
) -> RunOutcome:
    """Materialises all stale partitions of the datasets that lead to ``to``.

    Args:
        force: partitions to materialise although they are up to date -> clips to compute again.

    Raises:
        CannotRun: the disk under ``CALS_HOME`` is full.
        KeyboardInterrupt: a signal (SIGINT, SIGTERM) ended the running step; no further step is started.
    """
    names = [dataset.name for dataset in selected_datasets(project, datasets)]
    outcome = RunOutcome()
    own = instance or open_instance(project)
    # What is repaired is made again from what is kept of it: nothing that is up to date is computed.
    forced = dict.fromkeys(repair(project, own, say).remake, NOTHING_FORCED) | dict(force or {})
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
        _make(project, own, [partition], {}, outcome, say)
        publish(project.home)
    return outcome


def _make_levels(
    project: Project,
    own: DagsterInstance,
    names: list[str],
    to: str | None,
    forced: dict[Partition, ForcedClips],
    outcome: RunOutcome,
    say: Say,
) -> None:
    report_sources(project, own, names)
    mixed = [name for name in names if project.dataset(name).train_on]
    tried: dict[str, int] = {}
    told: set[str] = set()
    while True:
        plan = make_plan(project, names, to, {of: _words(clips) for of, clips in forced.items()})
        for label in sorted(plan.lacking.keys() - told):
            say(f"{label}: blocked: {plan.lacking[label]}")
        told |= plan.lacking.keys()
        outcome.blocked = {p.label: p.cause.text for p in plan.stale if p.cause.kind == "blocked"}
        outcome.failed_checks, outcome.unexpected = plan.failed_checks, plan.unexpected
        level = _next_level(plan.stale, outcome, tried)
        if not level:
            break
        for group in level:
            _require_space(project)
            _make(project, own, group, forced, outcome, say)
            for partition in group:
                tried[partition.label] = tried.get(partition.label, 0) + 1
                forced.pop(partition.key, None)
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


def _words(forced: ForcedClips) -> str:
    """Why a partition that is up to date is made again."""
    if not forced:
        return "repaired: its output differed from the ledger"
    places = [f"clip {clip}" for clip in sorted(forced.clip_ids)]
    places += [f"bucket {bucket}" for bucket in sorted(forced.buckets)]
    return "requested with --force" + (f" for {', '.join(places)}" if places else "")


def _make(
    project: Project,
    instance: DagsterInstance,
    group: list[StalePartition],
    forced: Mapping[Partition, ForcedClips],
    outcome: RunOutcome,
    say: Say,
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
        resources=resources_of(project),
        run_config=NO_CONSOLE_LOG,
        raise_on_error=False,
        tags={
            CAUSE_TAG: first.cause.kind,
            PUBLISHED_BY_TAG: "cals run",
            **({} if first.cause.kind in REPEATED else {PLANNED_TAG: "yes"}),
            FORCE_TAG: force_tag({p.asset: forced.get(p.key, NOTHING_FORCED) for p in group}),
        }
        | process_tags(),
    )
    seconds = time.monotonic() - start
    if not result.success and _was_interrupted(result):
        raise KeyboardInterrupt
    if result.success or _has_failed_check(result):
        _note_made(project, group, result.run_id, outcome)
        own = [p.label for p in group if p.label in outcome.made]
        say(f"{label}: done in {seconds:.1f} s" if own else f"{label}: was made meanwhile by another run")
        return
    error = _first_error(result)
    for partition in group:
        outcome.failed[partition.label] = error
    say(f"{label}: failed: {error}")


def _note_made(project: Project, group: list[StalePartition], run_id: str, outcome: RunOutcome) -> None:
    """Notes which of the partitions this run made; others another run had made when this one got to them."""
    heads = ledger.heads(project.home)
    for partition in group:
        row = heads.get(partition.key)
        if row is not None and row["dagster_run_id"] == run_id:
            outcome.made.append(partition.label)
            found = partition_warnings(project.home, *partition.key)
            if found:
                outcome.warnings[partition.label] = found


def _has_failed_check(result: dg.ExecuteInProcessResult) -> bool:
    """Whether the run materialised its partitions and a blocking check then failed."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(error is not None and error.cls_name == CHECK_FAILED for error in errors)


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
