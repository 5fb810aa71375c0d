"""Settings as observed sources: one a stage, so that an edit makes exactly that stage stale (DESIGN 4)."""

from __future__ import annotations

import dagster as dg

from assets.partitions import datasets
from assets.resources import ProjectResource
from assets.settings import SETTINGS_CLASSES


def observe(project: ProjectResource, stage: str) -> dg.DataVersionsByPartition:
    """Digest of the stage's settings for each dataset."""
    loaded = project.load()
    return dg.DataVersionsByPartition({name: loaded.settings_digest(name, stage) for name in loaded.datasets})


def _observed(stage: str) -> dg.SourceAsset:
    @dg.observable_source_asset(
        key=dg.AssetKey(["settings", stage]),
        partitions_def=datasets,
        group_name="settings",
        description=f"Settings of {stage}: profile and cals.yaml, by dataset.",
    )
    def settings(project: ProjectResource) -> dg.DataVersionsByPartition:
        return observe(project, stage)

    return settings


observed_settings = [_observed(stage) for stage in SETTINGS_CLASSES]
