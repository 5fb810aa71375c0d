"""Partitions of the graph: datasets are dynamic, methods are fixed."""

from __future__ import annotations

import dagster as dg

from cals_models.methods.registry import METHODS

datasets = dg.DynamicPartitionsDefinition(name="dataset")
methods = dg.StaticPartitionsDefinition(list(METHODS))
external_videos = dg.DynamicPartitionsDefinition(name="external_videos")
datasets_by_method = dg.MultiPartitionsDefinition({"dataset": datasets, "method": methods})


def partition_key(dataset: str, method: str | None) -> str:
    """Dagster's partition key of a dataset, or of a dataset and a method."""
    return dataset if method is None else dg.MultiPartitionKey({"dataset": dataset, "method": method})


def external_key(dataset: str, name: str) -> str:
    """Partition key of a set of videos that another system generated."""
    return f"{dataset}|{name}"


def dataset_and_method(key: str) -> tuple[str, str | None]:
    """The dataset and method that a partition key names."""
    if isinstance(key, dg.MultiPartitionKey):
        return key.keys_by_dimension["dataset"], key.keys_by_dimension["method"]
    return key, None
