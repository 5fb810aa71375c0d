"""The folder of a dataset's shards, which exports describe."""

from __future__ import annotations

from pathlib import Path

from assets.project.settings import Project, SettingsError
from cals_models.shards.shard_format import MANIFEST_NAME


def has_shards(project: Project, dataset: str) -> bool:
    return (project.home.shards(dataset) / MANIFEST_NAME).exists()


def shard_folder(project: Project, dataset: str) -> Path:
    """The folder with the dataset's shards and their manifest.

    Raises:
        SettingsError: there is no such dataset, or it has no shards yet.
    """
    name = project.dataset(dataset).name
    if not has_shards(project, name):
        raise SettingsError(f"{name} has no shards yet; run: cals run --dataset {name} --to shards")
    return project.home.shards(name)
