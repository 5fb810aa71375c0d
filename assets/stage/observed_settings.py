"""Settings as observed sources: one a stage, so that an edit makes exactly that stage stale (DESIGN 4)."""

import dagster as dg

from assets.project.settings import SETTINGS_CLASSES
from assets.stage.observed_source import observed_source
from assets.stage.resources import ProjectResource


def observe(project: ProjectResource, stage: str) -> dict[str, str]:
    """Digest of the stage's settings for each dataset."""
    loaded = project.load()
    return {name: loaded.settings_digest(name, stage) for name in loaded.datasets}


def _observed(stage: str) -> dg.SourceAsset:
    description = f"Settings of {stage}: profile and cals.yaml, by dataset."
    return observed_source(f"settings/{stage}", "settings", description)(
        lambda project: observe(project, stage)
    )


observed_settings = [_observed(stage) for stage in SETTINGS_CLASSES]
