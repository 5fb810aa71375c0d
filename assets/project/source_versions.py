"""Data versions of what a stage observes: raw files, settings, the offset probe, other datasets' shards."""

from __future__ import annotations

import importlib

from assets.project.graph import SOURCES
from assets.project.settings import Project

TRAIN_ON = "train_on"


def source_version(project: Project, source: str, dataset: str) -> str:
    """The present data version of an observed source for a dataset.

    Args:
        source: a key of ``graph.SOURCES``, or ``settings/<stage>``.
    """
    kind, _, stage = source.partition("/")
    if kind == "settings":
        return project.settings_digest(dataset, stage)
    module, function = SOURCES[source].split(":")
    version: str = getattr(importlib.import_module(module), function)(project, dataset)
    return version


def train_on_input(dataset: str) -> str:
    """Name by which the ledger knows the shards of another dataset as an input of a training."""
    return f"shards@{dataset}"
