"""``raw_videos``: the files given, observed and never written to."""

from assets.observed_source import observed_source
from assets.raw_videos.dataset_scan import scan_dataset
from assets.resources import ProjectResource


@observed_source(
    "raw_videos", "sources", "Raw files of each dataset; data version: digest over (relative path, content hash)."
)
def raw_videos(project: ProjectResource) -> dict[str, str]:
    loaded = project.load()
    present = [name for name, dataset in loaded.datasets.items() if dataset.root.is_dir()]
    return {name: scan_dataset(loaded, name).digest for name in present}
