"""Observed sources: what the pipeline looks at but does not make."""

import warnings
from collections.abc import Callable

import dagster as dg

from assets.stage.partitions import datasets
from assets.stage.resources import ProjectResource

Observe = Callable[[ProjectResource], dict[str, str]]


def observed_source(name: str, group: str, description: str) -> Callable[[Observe], dg.SourceAsset]:
    """Makes an observable source of a function that gives each dataset's data version.

    Args:
        name: asset key; a slash separates its parts.
        group: Dagster group.
        description: shown in the UI.
    """

    def decorate(observe: Observe) -> dg.SourceAsset:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # observable sources are in beta in Dagster 1.13

            @dg.observable_source_asset(
                key=dg.AssetKey(name.split("/")),
                partitions_def=datasets,
                group_name=group,
                description=description,
            )
            def source(project: ProjectResource) -> dg.DataVersionsByPartition:
                return dg.DataVersionsByPartition(observe(project))

        return source

    return decorate
