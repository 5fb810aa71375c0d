"""Unattended runs: the planner as a Dagster job and as sensors, with the same early cutoff as ``cals run``."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.project.digests import digest_of
from assets.project.source_versions import observed_versions
from assets.stage.partitions import partition_key
from assets.stage.resources import ProjectResource
from assets.stage.run_tags import CAUSE_TAG, PLANNED_TAG
from pipelines.staleness import StalePartition, find_stale

SENSOR_INTERVAL_S = 60


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


def _request(partition: StalePartition) -> dg.RunRequest:
    """One run; its key identifies the stale state, so that each state is tried once."""
    return dg.RunRequest(
        run_key=digest_of(partition.label, partition.cause.kind, partition.cause.text),
        asset_selection=[dg.AssetKey(partition.asset)],
        partition_key=str(partition_key(partition.dataset, partition.method)),
        tags={CAUSE_TAG: partition.cause.text[:200], PLANNED_TAG: "yes"},
    )


@dg.sensor(
    asset_selection=dg.AssetSelection.all() - dg.AssetSelection.groups("sources", "settings"),
    minimum_interval_seconds=SENSOR_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Requests a run for each stale partition whose inputs are up to date.",
)
def stale_sensor(context: dg.SensorEvaluationContext, project: ProjectResource) -> Iterator[Any]:
    from pipelines.instance import report_sources

    loaded = project.load()
    report_sources(loaded, context.instance, loaded.datasets)
    requests = [_request(p) for p in find_stale(loaded) if p.ready]
    if requests:
        yield from requests
    else:
        yield dg.SkipReason("nothing is stale")


@dg.sensor(
    minimum_interval_seconds=SENSOR_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    asset_selection=[dg.AssetKey("clips")],
    description="Notices new, changed and deleted raw files and requests the clips of that dataset.",
)
def raw_file_sensor(context: dg.SensorEvaluationContext, project: ProjectResource) -> Iterator[Any]:
    for name, version in observed_versions(project.load(), "raw_videos").items():
        yield dg.RunRequest(
            run_key=f"{name}:{version}", asset_selection=[dg.AssetKey("clips")], partition_key=name
        )
