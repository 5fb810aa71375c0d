"""``external_renders``: videos of other systems, brought and scored by ``cals score``."""

import dagster as dg

from assets.external_renders.video_set import TABLE
from assets.stage.partitions import external_videos

external_renders = dg.AssetSpec(
    TABLE,
    description="Videos that another system generated, by dataset and name; brought and scored by `cals score`.",
    group_name="evaluation",
    kinds={"file"},
    owners=["team:cals"],
    partitions_def=external_videos,
)
