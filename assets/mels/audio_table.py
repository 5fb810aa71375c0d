"""Rows of the table ``clip_audio``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.store.bucket_files import read_ok_rows

COLUMNS = (
    "clip_id", "source_channels", "mix", "peak", "rms", "silent_share", "clipped_share", "missing_share",
)  # fmt: skip


def audio_rows(folder: Path, dataset: str) -> list[dict[str, Any]]:
    """A row for each clip with a mel in a stage folder."""
    return [
        {"dataset": dataset, **{name: row[name] for name in COLUMNS}} for row in read_ok_rows(folder, COLUMNS)
    ]
