"""Observed sources of the graph as Dagster assets: what the pipeline reads but does not compute.

Each stage's settings are a source of their own, so that an edit makes exactly that stage stale (DESIGN 4).
"""

import warnings

import dagster as dg

from assets.project.graph import STAGES, code_source, settings_source, source_names
from assets.project.source_versions import is_by_method, observed_versions
from assets.project.sources import SOURCES
from assets.stage.partitions import datasets, datasets_by_method, partition_key
from assets.stage.resources import ProjectResource


def observed_source(name: str, group: str, description: str) -> dg.SourceAsset:
    """A Dagster source that observes the data version of each dataset.

    Args:
        name: a key of ``sources.SOURCES``, ``settings/<stage>`` or ``code/<stage>``; the slash separates the parts of the asset key.
        group: Dagster group.
        description: shown in Dagster.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # observable sources are in beta in Dagster 1.13

        @dg.observable_source_asset(
            key=dg.AssetKey(name.split("/")),
            partitions_def=datasets_by_method if is_by_method(name) else datasets,
            group_name=group,
            description=description,
        )
        def source(project: ProjectResource) -> dg.DataVersionsByPartition:
            versions = observed_versions(project.load(), name)
            return dg.DataVersionsByPartition(
                {str(partition_key(*partition)): version for partition, version in versions.items()}
            )

    return source


observed_sources = [
    *(observed_source(source.name, "sources", source.description) for source in SOURCES.values()),
    *(
        observed_source(
            settings_source(stage), "settings", f"Settings of {stage}: profile and cals.yaml, by dataset."
        )
        for stage in STAGES
    ),
    *(
        observed_source(
            code_source(stage.name), "code", f"Code that {stage.name} chooses: layout, face back end, method."
        )
        for stage in STAGES.values()
        if code_source(stage.name) in source_names(stage)
    ),
]
