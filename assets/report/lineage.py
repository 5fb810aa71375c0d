"""Where the page's scores come from: models, data versions, code, libraries, machines."""

from __future__ import annotations

import json
from dataclasses import dataclass

from assets.project.graph import stage_names
from assets.report.definitions import MethodDefinitions
from assets.report.formatting import format_duration
from assets.report.labels import model_label
from assets.report.warehouse_reader import Row, WarehouseReader


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What the footer lists."""

    models: list[Row]
    partitions: list[Row]
    commits: list[str]
    hosts: list[str]
    libraries: list[str]


def lineage(warehouse: WarehouseReader, dataset: str, methods: MethodDefinitions) -> Lineage:
    """Models and newest materialisations of the dataset, with their code, libraries and machines."""
    models = warehouse.rows(
        "select asset, method, registered_name, registered_version, weights_sha256, mlflow_run_id, "
        "num_parameters, steps, seconds, device from models where dataset = ? "
        "order by list_position(?, asset), method",
        [dataset, list(stage_names("models"))],
    )
    for row in models:
        row["label"] = model_label(row["asset"], methods.label(row["method"]) if row["method"] else None)
        row["took"] = format_duration(row["seconds"]) if row["seconds"] is not None else "unknown"
    partitions = warehouse.rows(
        "select asset, method, finished_at, data_version, code_version, git_commit, git_dirty, host, device, "
        "duration_s, dagster_run_id from current_materializations where dataset = ? "
        "order by finished_at, asset, method",
        [dataset],
    )
    for row in partitions:
        row["took"] = format_duration(row["duration_s"]) if row["duration_s"] is not None else "unknown"
    return Lineage(
        models=models,
        partitions=partitions,
        commits=_commits(partitions),
        hosts=sorted({f"{row['host']} ({row['device']})" for row in partitions if row["host"]}),
        libraries=_libraries(warehouse, dataset),
    )


def _commits(partitions: list[Row]) -> list[str]:
    found = {
        row["git_commit"] + (" with uncommitted changes" if row["git_dirty"] else "")
        for row in partitions
        if row["git_commit"]
    }
    return sorted(found)


def _libraries(warehouse: WarehouseReader, dataset: str) -> list[str]:
    """Name and version of each library; two versions where stages ran with different ones."""
    found = warehouse.rows(
        "select distinct library_versions_json as versions from materializations inner join current_materializations "
        "using (materialization_id) where materializations.dataset = ? and library_versions_json is not null",
        [dataset],
    )
    pairs = {(name, version) for row in found for name, version in json.loads(row["versions"]).items()}
    return [f"{name} {version}" for name, version in sorted(pairs, key=str) if version]
