"""``cals add``: adds a dataset to ``cals.yaml`` after checking its folder."""

from __future__ import annotations

from pathlib import Path

from assets.project.layouts import LAYOUTS
from assets.project.settings import NAME_PATTERN, Project, SettingsError
from assets.project.settings import add_dataset as write_entry
from assets.raw_videos.layouts.registry import check_layout

CLIPS_PER_BUCKET = 40
MAX_BUCKETS = 4096


def add_dataset(project: Project, name: str, layout: str, root: str, profile: str) -> str:
    """Checks the folder against the layout and adds the dataset; returns a line that describes it.

    Raises:
        SettingsError: bad name, or the name is taken.
        LayoutError: the root does not exist, holds nothing, or does not fit the layout.
    """
    assert layout in LAYOUTS
    if not NAME_PATTERN.fullmatch(name) or "__" in name:
        raise SettingsError(f"dataset name {name!r}: use lower-case letters, digits and single underscores")
    folder = Path(root).expanduser().absolute()
    num_sources = check_layout(layout, folder)
    num_buckets = min(MAX_BUCKETS, max(2, -(-num_sources // CLIPS_PER_BUCKET)))
    entry = {"layout": layout, "root": str(folder), "profile": profile, "num_buckets": num_buckets}
    write_entry(project.config_path, name, entry)
    return (
        f"{name}: {num_sources} sources in {folder} as {layout}, profile {profile}, {num_buckets} buckets; "
        f"next: cals run --dataset {name}"
    )
