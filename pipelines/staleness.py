"""Stale partitions and their causes, decided from the ledger, the sources and the code without loading Dagster.

The rules are Dagster's, so that both agree: a partition is stale when its code version or the data version of one of
its inputs differs from what its last materialisation recorded.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.project.chosen_code import chosen_code
from assets.project.code_version import CodeVersion
from assets.project.graph import (
    STAGES,
    Stage,
    code_source,
    settings_source,
    source_names,
    stage_code,
    upstream_of,
)
from assets.project.settings import Dataset, Project, SettingsError
from assets.project.source_versions import TRAIN_ON, base_input, is_by_method, source_version, train_on_input
from assets.stage.run import needed_methods
from assets.stage.split_versions import split_version, splits_read
from assets.store import ledger
from assets.store.ledger import Heads
from cals_models.digests import digest_of
from pipelines.cause import Cause, cause_elsewhere
from pipelines.cause_words import code_change, failed_check, input_words, setting_change, unexpected_errors
from pipelines.unmet_needs import unmet_need_of

Partition = tuple[str, str, str | None]
"""Asset, dataset, method."""


@dataclass(frozen=True, kw_only=True)
class StalePartition:
    """A partition to be materialised.

    Args:
        estimated_s: seconds that it took last time, else the asset's median over other partitions; None if unknown.
        ready: none of its inputs is stale.
    """

    asset: str
    dataset: str
    method: str | None
    cause: Cause
    estimated_s: float | None
    ready: bool

    @property
    def key(self) -> Partition:
        return self.asset, self.dataset, self.method

    @property
    def label(self) -> str:
        return label_of(self.asset, self.dataset, self.method)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def label_of(asset: str, dataset: str, method: str | None) -> str:
    """Name of a partition in messages, e.g. ``renders/sample_lrs2/cals``."""
    return "/".join(part for part in (asset, dataset, method) if part)


def selected_datasets(project: Project, names: Iterable[str] | None) -> list[Dataset]:
    """The datasets of these names, or all."""
    return [project.dataset(name) for name in (names or project.datasets)]


def selected_stages(to: str | None) -> list[Stage]:
    """All stages, or those that lead to ``to``.

    Raises:
        SettingsError: there is no such asset.
    """
    if to is None:
        return list(STAGES.values())
    if to not in STAGES:
        raise SettingsError(f"no asset {to!r}; one of {', '.join(STAGES)}")
    wanted = upstream_of(to)
    return [stage for stage in STAGES.values() if stage.name in wanted]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is to do.

    Args:
        stale: partitions in the order of materialisation.
        failed_checks: label of each partition that is up to date and failed a blocking check -> which, and what to do.
        unexpected: label of each partition that is up to date and lacks clips at which the pipeline failed -> which.
        states: of each stale partition that is ready, a digest of what it would be made from and of the materialisation
            that differs from that. A state that returns after another materialisation has another digest.
        lacking: label of each partition whose method needs what its dataset lacks -> what.
    """

    stale: list[StalePartition]
    failed_checks: dict[str, str]
    unexpected: dict[str, str]
    states: dict[Partition, str]
    lacking: dict[str, str] = field(default_factory=dict)


def find_stale(
    project: Project,
    datasets: Iterable[str] | None = None,
    to: str | None = None,
    force: Mapping[Partition, str] | None = None,
) -> list[StalePartition]:
    """Stale partitions in the order of materialisation, up to ``to`` or else up to each dataset's own ``to``.

    Args:
        force: partitions to materialise although they are up to date -> why, in words.
    """
    return make_plan(project, datasets, to, force).stale


def make_plan(
    project: Project,
    datasets: Iterable[str] | None = None,
    to: str | None = None,
    force: Mapping[Partition, str] | None = None,
) -> Plan:
    """Stale partitions and failed checks, up to ``to`` or else up to each dataset's own ``to``."""
    heads = ledger.heads(project.home)
    forced = force or {}
    scans: dict[str, _Scan] = {}
    wanted: dict[str, list[Stage]] = {}
    for dataset in selected_datasets(project, datasets):
        scans[dataset.name] = _Scan(project, dataset, heads, scans)
        wanted[dataset.name] = selected_stages(to or dataset.to)
    bases_first = sorted(scans.items(), key=lambda item: item[1].dataset.base is not None)
    for (
        stage
    ) in STAGES.values():  # stage by stage: a training reads shards, and the base's model, of other datasets
        for name, scan in bases_first:
            if stage in wanted[name]:
                _scan_stage(scan, stage, forced)
    return Plan(
        stale=[partition for scan in scans.values() for partition in scan.found],
        failed_checks={label: text for scan in scans.values() for label, text in scan.failed_checks.items()},
        unexpected={label: text for scan in scans.values() for label, text in scan.unexpected.items()},
        lacking={label: text for scan in scans.values() for label, text in scan.lacking.items()},
        states={key: state for scan in scans.values() for key, state in scan.states.items()},
    )


class _Scan:
    """One dataset's present state; each source is observed once.

    Args:
        others: scans of all selected datasets, by name.
    """

    def __init__(self, project: Project, dataset: Dataset, heads: Heads, others: dict[str, _Scan]) -> None:
        self.project = project
        self.dataset = dataset
        self.heads = heads
        self.others = others
        self.found: list[StalePartition] = []
        self.failed_checks: dict[str, str] = {}
        self.unexpected: dict[str, str] = {}
        self.lacking: dict[str, str] = {}
        self.states: dict[Partition, str] = {}
        self.stale: dict[tuple[str, str | None], Cause] = {}
        self._sources: dict[tuple[str, str | None], str] = {}

    def source(self, name: str, method: str | None) -> str:
        key = (name, method if is_by_method(name) else None)
        if key not in self._sources:
            self._sources[key] = source_version(self.project, name, self.dataset.name, key[1])
        return self._sources[key]

    def head(self, asset: str, method: str | None) -> dict[str, Any] | None:
        return self.heads.get((asset, self.dataset.name, method))

    def inputs(
        self, stage: Stage, method: str | None, in_part: Collection[str] = ()
    ) -> dict[str, str | None]:
        """Present data version of each input; None for one that was never materialised.

        Args:
            in_part: names of inputs of which the version of the part that the stage reads is on record.
        """
        versions: dict[str, str | None] = {}
        for dep in stage.deps:
            for dep_method in needed_methods(STAGES[dep].by_method, method, self.dataset.methods):
                row = self.head(dep, dep_method)
                versions[f"{dep}|{dep_method}" if dep_method else dep] = row["data_version"] if row else None
        for name in source_names(stage):
            if name != TRAIN_ON:
                versions[name] = self.source(name, method)
                continue
            for other in self.dataset.train_on:
                row = self.heads.get(("shards", other, None))
                versions[train_on_input(other)] = row["data_version"] if row else None
        for name, partition in base_input(stage, self.dataset, method).items():
            row = self.heads.get(partition)
            versions[name] = row["data_version"] if row else None
        for name, (other, splits) in splits_read(stage, self.dataset.train_on).items():
            version = versions[name]
            if version is not None and name in in_part:
                versions[name] = split_version(self.project.home, other or self.dataset.name, version, splits)
        return versions


def present_inputs(project: Project, partition: StalePartition, heads: Heads) -> dict[str, str | None]:
    """Present data version of each input of a partition, as the ledger names them; None for one never materialised."""
    scan = _Scan(project, project.dataset(partition.dataset), heads, {})
    row = heads.get(partition.key)
    parts = recorded_inputs(row)[1] if row else ()
    return scan.inputs(STAGES[partition.asset], partition.method, parts)


def recorded_inputs(row: Mapping[str, Any]) -> tuple[dict[str, str], Collection[str]]:
    """What a ledger row was computed from: input -> version, and names of those read in part, with that part's version."""
    parts: dict[str, str] = json.loads(row.get("parts_read_json") or "{}")
    return json.loads(row["inputs_json"]) | parts, parts


def _scan_stage(scan: _Scan, stage: Stage, forced: Mapping[Partition, str]) -> None:
    for method in scan.dataset.methods if stage.by_method else (None,):
        cause, ready = _cause(scan, stage, method)
        partition = (stage.name, scan.dataset.name, method)
        if cause is None and partition in forced:
            cause, ready = Cause(kind="forced", text=forced[partition]), True
        if cause is None:
            _note_failures(scan, stage, method)
            continue
        scan.stale[(stage.name, method)] = cause
        scan.found.append(
            StalePartition(
                asset=stage.name,
                dataset=scan.dataset.name,
                method=method,
                cause=cause,
                estimated_s=_estimate(scan.heads, stage.name, scan.dataset.name, method),
                ready=ready,
            )
        )
        if ready:
            scan.states[partition] = _state(scan, stage, method)


def _note_failures(scan: _Scan, stage: Stage, method: str | None) -> None:
    """Notes a failed check of a partition that is up to date, or its clips that ended by an unexpected error."""
    row = scan.head(stage.name, method)
    if row is None:
        return
    label = label_of(stage.name, scan.dataset.name, method)
    if row["blocked_by"]:
        scan.failed_checks[label] = failed_check(row, f"{stage.name}|{method}" if method else stage.name)
    elif text := unexpected_errors(row):
        scan.unexpected[label] = text


def _state(scan: _Scan, stage: Stage, method: str | None) -> str:
    row = scan.head(stage.name, method)
    made = row["materialization_id"] if row else None
    return digest_of(
        stage.name, scan.dataset.name, method, made, stage_code(stage.name).digest, scan.inputs(stage, method)
    )


def _cause(scan: _Scan, stage: Stage, method: str | None) -> tuple[Cause | None, bool]:
    upstream = _upstream_cause(scan, stage, method)
    row = scan.head(stage.name, method)
    if row is None:
        own: Cause | None = Cause(kind="never_made", text="never made")
    else:
        own = _own_cause(scan, stage, method, row)
    if (upstream or own) and stage.settings_by_method:
        lacking = unmet_need_of(scan.project, scan.dataset, method)
        if lacking is not None:
            scan.lacking[label_of(stage.name, scan.dataset.name, method)] = lacking
            return Cause(kind="blocked", text=lacking), False
    if upstream is not None:
        return (own or upstream) if upstream.kind != "blocked" else upstream, False
    return own, True


def _upstream_cause(scan: _Scan, stage: Stage, method: str | None) -> Cause | None:
    for dep in stage.deps:
        for dep_method in needed_methods(STAGES[dep].by_method, method, scan.dataset.methods):
            name = f"{dep}|{dep_method}" if dep_method else dep
            stale = scan.stale.get((dep, dep_method))
            if stale is not None and stale.kind == "blocked":
                return stale
            if stale is not None:
                return Cause(kind="upstream_stale", text=f"{name} will be remade")
            row = scan.head(dep, dep_method)
            if row is not None and row["blocked_by"]:
                return Cause(kind="blocked", text=failed_check(row, name))
    stale_there = {name: other.stale for name, other in scan.others.items()}
    return cause_elsewhere(stage, scan.dataset, method, scan.heads, stale_there)


def _own_cause(scan: _Scan, stage: Stage, method: str | None, row: dict[str, Any]) -> Cause | None:
    code = stage_code(stage.name)
    if row["code_version"] != code.digest:
        return _code_cause(scan, code, row["code_version"])
    before_inputs, parts = recorded_inputs(row)
    now = scan.inputs(stage, method, parts)
    changed = sorted(name for name in {*before_inputs, *now} if before_inputs.get(name) != now.get(name))
    settings = settings_source(stage.name)
    if settings in changed:
        values = scan.project.settings_values(scan.dataset.name, stage.name, method)
        return Cause(kind="setting_changed", text=setting_change(json.loads(row["settings_json"]), values))
    if changed == [code_source(stage.name)]:
        chosen = chosen_code(scan.project, stage.name, scan.dataset.name, method)
        return _code_cause(scan, chosen, before_inputs.get(changed[0], ""))
    if changed:
        words = [input_words(name, before_inputs.get(name), now.get(name)) for name in changed]
        return Cause(kind="input_changed", text=f"input changed: {', '.join(words)}")
    return None


def _code_cause(scan: _Scan, code: CodeVersion, before: str) -> Cause:
    return Cause(kind="code_changed", text=code_change(code, ledger.recall_code(scan.project.home, before)))


def _estimate(heads: Heads, asset: str, dataset: str, method: str | None) -> float | None:
    own = heads.get((asset, dataset, method))
    if own is not None:
        return float(own["duration_s"])
    others = [float(row["duration_s"]) for (name, _, _), row in heads.items() if name == asset]
    return statistics.median(others) if others else None
