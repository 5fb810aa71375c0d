"""OpenLineage run events of the ledger, by the official client: to a file, or to a server's URL.

A materialisation is a run of the job ``asset/dataset[/method]``, with a START and a COMPLETE event. Assets and
sources are datasets of the same names, their data versions the datasets' versions. The namespace is ``cals:`` and the id of
the home, which is drawn once and stored in it: it stays when the checkout or the home is moved, and a copy of a home goes on
with the same lineage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from assets.project.atomic_files import replacing
from assets.project.home_id import home_id
from assets.project.installed import installed_version
from assets.project.settings import Project
from pipelines.lineage.ledger_graph import Input, LedgerGraph, Row, input_partition, label

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent


RETRY = {"total": 1, "backoff_factor": 0.2}


def export_to_file(project: Project, path: Path) -> int:
    """Writes every event of the ledger, one JSON object a line; the file is replaced atomically.

    Returns:
        The number of events.
    """
    from openlineage.client.transport.file import FileConfig, FileTransport

    with replacing(path) as temporary:
        return _emit(project, FileTransport(FileConfig(log_file_path=str(temporary), append=True)))


def export_to_url(project: Project, url: str) -> int:
    """Sends every event to an OpenLineage server; run ids are stable, so that events sent twice stay one run.

    Raises:
        ValueError: the server can't be reached, or rejects an event.
    """
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    try:
        return _emit(project, HttpTransport(HttpConfig.from_dict({"url": url, "retry": RETRY})))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{url}: the lineage server did not take the events: {error}") from error


def _emit(project: Project, transport: Any) -> int:
    from openlineage.client import OpenLineageClient, set_producer

    set_producer(f"urn:cals:{installed_version('cals')}")
    client = OpenLineageClient(transport=transport)
    count = 0
    for event in run_events(project):
        client.emit(event)
        count += 1
    client.close()
    return count


def run_events(project: Project) -> Iterator[RunEvent]:
    """START and COMPLETE of each materialisation, oldest first."""
    graph = LedgerGraph.read(project.home)
    namespace = f"cals:{home_id(project.home)}"
    for row in graph.rows:
        yield from _events_of(namespace, row, list(graph.inputs(row)))


def _events_of(namespace: str, row: Row, inputs: list[Input]) -> Iterator[RunEvent]:
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

    run = Run(runId=str(UUID(row["materialization_id"])), facets=_run_facets(namespace, row))
    job = Job(namespace=namespace, name=label(row), facets=_job_facets())
    read = [_input_dataset(namespace, row, one) for one in inputs]
    started = row["at"] - timedelta(seconds=row["duration_s"] or 0.0)
    times = {RunState.START: started, RunState.COMPLETE: row["at"]}
    for state, at in times.items():
        written = [_output_dataset(namespace, row)] if state is RunState.COMPLETE else []
        yield RunEvent(
            eventType=state, eventTime=at.isoformat(), run=run, job=job, inputs=read, outputs=written
        )


def _run_facets(namespace: str, row: Row) -> dict[str, Any]:
    from openlineage.client.facet_v2 import parent_run, processing_engine_run, tags_run

    libraries = json.loads(row["library_versions_json"] or "{}")
    tags = {
        "code_version": row["code_version"],
        "settings": row["settings_json"],
        "device": row["device"],
        "mlflow_run_id": row["mlflow_run_id"],
        "host": row["host"],
        "git_commit": row["git_commit"],
        "git_dirty": None if row["git_dirty"] is None else str(row["git_dirty"]).lower(),
        "blocked_by": row["blocked_by"],
        **{f"library:{name}": version for name, version in libraries.items()},
    }
    fields = [
        tags_run.TagsRunFacetFields(key=k, value=str(v), source="cals")
        for k, v in tags.items()
        if v is not None
    ]
    facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=str(libraries.get("dagster", "unknown")), name="dagster"
        ),
        "tags": tags_run.TagsRunFacet(tags=fields),
    }
    try:
        run_id = str(UUID(row["dagster_run_id"]))
    except ValueError:  # not from a Dagster run, e.g. imported
        return facets
    name = f"dagster/{label(row)}"
    return facets | {"parent": parent_run.ParentRunFacet.create(run_id, namespace, name)}


def _job_facets() -> dict[str, Any]:
    from openlineage.client.facet_v2 import job_type_job

    return {
        "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="CALS", jobType="ASSET")
    }


def _input_dataset(namespace: str, row: Row, one: Input) -> InputDataset:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset

    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=one.data_version)
    if one.producer is not None:
        name = label(one.producer)
    else:
        name = "/".join(part for part in input_partition(one.name, row["dataset"]) if part)
    return InputDataset(namespace=namespace, name=name, facets={"version": version})


def _output_dataset(namespace: str, row: Row) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset, output_statistics_output_dataset

    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=row["data_version"])
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=row["num_clips"]
    )
    return OutputDataset(
        namespace=namespace,
        name=label(row),
        facets={"version": version},
        outputFacets={} if row["num_clips"] is None else {"outputStatistics": statistics},
    )
