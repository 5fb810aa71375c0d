"""Data versions of observed sources: raw files, settings, the offset probe, ratings, other datasets' shards."""

from __future__ import annotations

from assets.project.references import load
from assets.project.settings import Project
from assets.project.sources import SOURCES

TRAIN_ON = "train_on"


def source_version(project: Project, source: str, dataset: str) -> str:
    """The present data version of an observed source for a dataset.

    Args:
        source: a key of ``sources.SOURCES``, or ``settings/<stage>``.
    """
    kind, _, stage = source.partition("/")
    if kind == "settings":
        return project.settings_digest(dataset, stage)
    version: str = load(SOURCES[source].version)(project, dataset)
    return version


def observed_versions(project: Project, source: str) -> dict[str, str]:
    """The present data version of an observed source for each dataset that has one."""
    reads_root = source in SOURCES and SOURCES[source].reads_root
    return {
        name: source_version(project, source, name)
        for name, dataset in project.datasets.items()
        if not reads_root or dataset.root.is_dir()
    }


def train_on_input(dataset: str) -> str:
    """Name by which the ledger knows the shards of another dataset as an input of a training."""
    return f"shards@{dataset}"
