"""Videos of other systems: ``external_renders``, brought by ``cals score``, and their figures as the report sees them."""

import dagster as dg

from assets.external_renders.video_set import TABLE, external_scores_digest
from assets.stage.observed_source import observed_source
from assets.stage.partitions import external_videos
from assets.stage.resources import ProjectResource

external_renders = dg.AssetSpec(
    TABLE,
    description="Videos that another system made, by dataset and name; brought and scored by `cals score`.",
    group_name="evaluation",
    kinds={"file"},
    owners=["team:cals"],
    partitions_def=external_videos,
)


@observed_source(
    "external_scores",
    "sources",
    "Figures of other systems' videos; data version: digest over all of them. New ones make the report stale.",
)
def external_scores(project: ProjectResource) -> dict[str, str]:
    loaded = project.load()
    return {name: external_scores_digest(loaded.home, name) for name in loaded.datasets}
