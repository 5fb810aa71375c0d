"""A method's renders of a split, beside the shards that hold the true crops and audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Renders = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RenderSet:
    """Which renders are scored.

    Args:
        rows: of `assets.renders.render.render_clips`, one or more of each clip of the split.
        folder: that their paths are relative to.
        shards: folder of the dataset's shard set.
        split: the split that was rendered.
        dataset: for the rows.
        method: for the rows; decides how the control with wrong audio is measured.
    """

    rows: Sequence[Mapping[str, Any]]
    folder: Path
    shards: Path
    split: str
    dataset: str
    method: str

    def by_key(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """Key of a clip -> audio -> row."""
        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(row["key"], {})[row["audio"]] = row
        return found
