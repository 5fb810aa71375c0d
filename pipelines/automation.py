"""Unattended runs: the planner as a Dagster job and as sensors, with the same early cutoff as ``cals run``."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from assets.project.code_version import source_state
from assets.project.graph import computed_together, stage_code
from assets.project.settings import Project
from assets.project.source_versions import observed_versions
from assets.stage.partitions import datasets, partition_key
from assets.stage.resources import ProjectResource
from assets.stage.run_tags import CAUSE_TAG, PLANNED_TAG
from assets.store import ledger
from pipelines.staleness import Plan, StalePartition, make_plan

SENSOR_INTERVAL_S = 60
CLIPS, RAW_FILES = "clips", "raw_videos"


class StaleConfig(dg.Config):
    """Selection of what the job brings up to date.

    Args:
        datasets: their names; empty for all.
        to: the last asset; empty for all.
    """

    datasets: list[str] = []  # noqa: RUF012 (pydantic copies defaults)
    to: str = ""


@dg.op(description="Materialises what is stale, level by level, as the command `cals run` does.")
def run_stale_op(context: dg.OpExecutionContext, config: StaleConfig, project: ProjectResource) -> None:
    from pipelines.runner import run_stale

    outcome = run_stale(
        project.load(),
        config.datasets or None,
        config.to or None,
        say=context.log.info,
        instance=context.instance,
    )
    if not outcome.ok:
        raise dg.Failure(f"not all was done: {outcome.summary}: {'; '.join(outcome.problems())}")


@dg.job(description="Brings everything up to date: only stale partitions, each with its cause in the log.")
def stale_job() -> None:
    run_stale_op()


def _requests(plan: Plan) -> list[dg.RunRequest]:
    """A run for each partition that is ready, with the stale ones that the same pass computes."""
    stale = {partition.key for partition in plan.stale}
    requests = []
    for partition in plan.stale:
        if partition.ready:
            names = computed_together(partition.asset)
            together = [name for name in names if (name, partition.dataset, partition.method) in stale]
            requests.append(_request(plan, partition, together))
    return requests


def _request(plan: Plan, partition: StalePartition, assets: Sequence[str]) -> dg.RunRequest:
    """One run; its key is the stale state, so that each state is tried once."""
    return dg.RunRequest(
        run_key=plan.states[partition.key],
        asset_selection=[dg.AssetKey(asset) for asset in assets],
        partition_key=str(partition_key(partition.dataset, partition.method)),
        tags={CAUSE_TAG: partition.cause.text[:200], PLANNED_TAG: "yes"},
    )


def _observed(project: Project, instance: dg.DagsterInstance) -> list[str]:
    """Datasets whose folder is there, with their sources as they are now reported to Dagster.

    Code is read again, so that a daemon that runs for weeks sees each edit: a run is a process of its own, which loads
    the code as it is then.
    """
    from pipelines.instance import report_sources

    source_state.cache_clear()
    stage_code.cache_clear()
    names = [name for name, dataset in project.datasets.items() if dataset.root.is_dir()]
    instance.add_dynamic_partitions(datasets.name or "", names)
    report_sources(project, instance, names)
    return names


@dg.sensor(
    asset_selection=dg.AssetSelection.all() - dg.AssetSelection.groups("sources", "settings", "code"),
    minimum_interval_seconds=SENSOR_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Requests a run for each stale partition whose inputs are up to date.",
)
def stale_sensor(context: dg.SensorEvaluationContext, project: ProjectResource) -> Iterator[Any]:
    loaded = project.load()
    names = _observed(loaded, context.instance)
    requests = _requests(make_plan(loaded, names)) if names else []
    if requests:
        yield from requests
    else:
        yield dg.SkipReason("nothing is stale")


@dg.sensor(
    minimum_interval_seconds=SENSOR_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    asset_selection=[dg.AssetKey(CLIPS)],
    description="Notices new, changed and deleted raw files and requests the clips of that dataset.",
)
def raw_file_sensor(context: dg.SensorEvaluationContext, project: ProjectResource) -> Iterator[Any]:
    loaded = project.load()
    names = _observed(loaded, context.instance)
    heads = ledger.heads(loaded.home)
    present = observed_versions(loaded, RAW_FILES)
    requests = []
    plan = (
        make_plan(loaded, names, CLIPS)
        if names
        else Plan(stale=[], failed_checks={}, unexpected={}, states={})
    )
    for partition in plan.stale:
        row = heads.get(partition.key)
        if row is None or json.loads(row["inputs_json"]).get(RAW_FILES) != present[partition.dataset, None]:
            requests.append(_request(plan, partition, [CLIPS]))
    if requests:
        yield from requests
    else:
        yield dg.SkipReason("no raw file changed")
