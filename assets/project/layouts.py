"""The dataset layouts: name -> module that reads such a folder. Naming a layout here is all that registers it."""

from cals_models.references import Choices

LAYOUTS = Choices({
    "lrw": "assets.raw_videos.layouts.lrw",
    "lrs2": "assets.raw_videos.layouts.lrs2",
    "hdtf": "assets.raw_videos.layouts.hdtf",
    "grid": "assets.raw_videos.layouts.grid",
    "folder": "assets.raw_videos.layouts.folder",
})  # fmt: skip

LAYOUT_OPTIONS = "assets.raw_videos.layouts.options:LayoutOptions"
"""Class of the ``options`` of a dataset; all layouts share it."""
