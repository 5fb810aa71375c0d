"""Observed sources of the graph as Dagster assets: what the pipeline reads but does not compute.

Each stage's settings are a source of their own, so that an edit makes exactly that stage stale (DESIGN 4).
"""

import warnings

import dagster as dg

from assets.project.graph import STAGES, settings_source
from assets.project.source_versions import observed_versions
from assets.project.sources import SOURCES
from assets.stage.partitions import datasets
from assets.stage.resources import ProjectResource


def observed_source(name: str, group: str, description: str) -> dg.SourceAsset:
    """A Dagster source that observes the data version of each dataset.

    Args:
        name: a key of ``sources.SOURCES``, or ``settings/<stage>``; the slash separates the parts of the asset key.
        group: Dagster group.
        description: shown in Dagster.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # observable sources are in beta in Dagster 1.13

        @dg.observable_source_asset(
            key=dg.AssetKey(name.split("/")),
            partitions_def=datasets,
            group_name=group,
            description=description,
        )
        def source(project: ProjectResource) -> dg.DataVersionsByPartition:
            return dg.DataVersionsByPartition(observed_versions(project.load(), name))

    return source


observed_sources = [
    *(observed_source(source.name, "sources", source.description) for source in SOURCES.values()),
    *(
        observed_source(
            settings_source(stage), "settings", f"Settings of {stage}: profile and cals.yaml, by dataset."
        )
        for stage in STAGES
    ),
]
