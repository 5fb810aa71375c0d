"""``raw_videos``: the files given, observed and never written to."""

from assets.project.source_versions import source_version
from assets.stage.observed_source import observed_source
from assets.stage.resources import ProjectResource


@observed_source(
    "raw_videos",
    "sources",
    "Raw files of each dataset; data version: digest over (relative path, content hash).",
)
def raw_videos(project: ProjectResource) -> dict[str, str]:
    loaded = project.load()
    present = [name for name, dataset in loaded.datasets.items() if dataset.root.is_dir()]
    return {name: source_version(loaded, "raw_videos", name) for name in present}
