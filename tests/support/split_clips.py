"""A folder dataset whose clips are in the split that the test says."""

from __future__ import annotations

import shutil
from pathlib import Path


def add_clip(root: Path, clip: Path, split: str) -> None:
    """Copies a clip into a dataset of layout ``folder``, and lists it in its ``splits.csv``."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(clip, root / clip.name)
    table = root / "splits.csv"
    before = table.read_text() if table.exists() else "path,split\n"
    table.write_text(f"{before}{clip.name},{split}\n")
