"""Every asset and resource instance, built from the tables of stages and sources."""

from __future__ import annotations

import dagster as dg

from assets.external_renders.asset import external_renders
from assets.project.graph import STAGES
from assets.project.settings import Project
from assets.stage.asset_factory import dagster_asset
from assets.stage.observed_sources import observed_sources
from assets.stage.resources import ProjectResource
from cals_models.references import load

STAGE_ASSETS = [
    dagster_asset(load(reference)) for reference in dict.fromkeys(stage.asset for stage in STAGES.values())
]
ALL_ASSETS: list[dg.SourceAsset | dg.AssetsDefinition | dg.AssetSpec] = [
    *observed_sources,
    *STAGE_ASSETS,
    external_renders,
]
RESOURCES = {"project": ProjectResource()}


def resources_of(project: Project) -> dict[str, ProjectResource]:
    """The resources of a run in this process: of this project, whatever the environment says."""
    return {"project": ProjectResource(config_path=str(project.config_path), home=str(project.home.root))}
