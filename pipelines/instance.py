"""The Dagster instance under ``CALS_HOME``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance
from filelock import FileLock

from assets.project.atomic_files import write_text
from assets.project.code_version import PROJECT_ROOT
from assets.project.graph import STAGES, source_names
from assets.project.home import Home
from assets.project.settings import Project
from assets.project.source_versions import is_by_method, source_version
from assets.stage.partitions import partition_key

DATA_VERSION_TAG = "dagster/data_version"
LEAST_FREE_GIB = 0.5


def shipped_file(name: str) -> Path:
    """``dagster.yaml``, ``workspace.yaml`` or ``cals.yaml`` as shipped: in the checkout or in the wheel."""
    for folder in (PROJECT_ROOT, PROJECT_ROOT / "pipelines" / "shipped"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{name} is neither in {PROJECT_ROOT} nor in the installed package; install cals again"
    )


def prepare_dagster_home(home: Home) -> Path:
    """Creates ``DAGSTER_HOME`` with the shipped ``dagster.yaml``; an existing file, which a user may have edited, stays.

    That file names its folder by this variable, which Dagster reads when it first uses the storage: it stays set. What else
    belongs to a home is passed on, so that of two projects in a process neither reads the other's.
    """
    home.dagster.mkdir(parents=True, exist_ok=True)
    target = home.dagster / "dagster.yaml"
    if not target.exists():
        write_text(target, shipped_file("dagster.yaml").read_text(encoding="utf-8"))
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    return home.dagster


def open_storage(home: Home) -> DagsterInstance:
    """The instance; a lock lets one process at a time create its tables, since two at once would corrupt them."""
    with FileLock(prepare_dagster_home(home) / ".open.lock"):
        return DagsterInstance.get()


def open_instance(project: Project) -> DagsterInstance:
    """The instance, with the project's datasets as partitions."""
    instance = open_storage(project.home)
    instance.add_dynamic_partitions("dataset", sorted(project.datasets))
    return instance


def report_sources(
    project: Project, instance: DagsterInstance, datasets: Iterable[str], sources: Iterable[str] | None = None
) -> None:
    """Reports to Dagster each observed source (default: all) whose data version differs from the last report."""
    every = sorted({name for stage in STAGES.values() for name in source_names(stage)})
    for dataset in datasets:
        for source in every if sources is None else sources:
            for method in project.dataset(dataset).methods if is_by_method(source) else (None,):
                key, partition = dg.AssetKey(source.split("/")), partition_key(dataset, method)
                version = source_version(project, source, dataset, method)
                if version != _last_reported(instance, key, partition):
                    tags = {DATA_VERSION_TAG: version}
                    instance.report_runless_asset_event(
                        dg.AssetObservation(asset_key=key, partition=partition, tags=tags)
                    )


def _last_reported(instance: DagsterInstance, key: dg.AssetKey, partition: str) -> str | None:
    """Data version of a source's last observation; None before the first."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    records = instance.fetch_observations(wanted, limit=1).records
    seen = records[0].asset_observation if records else None
    return seen.tags.get(DATA_VERSION_TAG) if seen is not None else None


def free_bytes(path: Path) -> int:
    """Free space on the disk that holds ``path`` (or the nearest folder above it that exists)."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
