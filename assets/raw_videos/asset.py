"""``raw_videos``: the files given, observed and never written to."""

from __future__ import annotations

import dagster as dg

from assets.partitions import datasets
from assets.raw_videos.dataset_scan import scan_dataset
from assets.resources import ProjectResource


@dg.observable_source_asset(
    partitions_def=datasets,
    group_name="sources",
    description="Raw files of each dataset; the data version is a digest over (relative path, content hash).",
)
def raw_videos(project: ProjectResource) -> dg.DataVersionsByPartition:
    loaded = project.load()
    present = [name for name, dataset in loaded.datasets.items() if dataset.root.is_dir()]
    return dg.DataVersionsByPartition({name: scan_dataset(loaded, name).digest for name in present})
