"""Rows of the table ``face_tracks``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assets.store.bucket_files import read_ok_rows


def track_rows(folder: Path, dataset: str) -> list[dict[str, Any]]:
    """A row for each accepted clip of a stage folder."""
    columns = [
        "clip_id",
        "backend",
        "num_frames",
        "num_faces",
        "valid",
        "num_repeated",
        "longest_gap_frames",
        "boxes",
    ]
    return [_track_row(row, dataset) for row in read_ok_rows(folder, columns)]


def _track_row(row: dict[str, Any], dataset: str) -> dict[str, Any]:
    valid = np.frombuffer(row["valid"], np.uint8) != 0
    boxes = np.frombuffer(row["boxes"], np.float32).reshape(-1, 4)
    return {
        "dataset": dataset,
        "clip_id": row["clip_id"],
        "backend": row["backend"],
        "num_frames": row["num_frames"],
        "num_faces": row["num_faces"],
        "valid_share": float(valid.mean()),
        "interpolated_share": float(1 - valid.mean()),
        "longest_gap_frames": row["longest_gap_frames"],
        "repeated_frames": row["num_repeated"],
        "num_gaps": int((np.diff(np.concatenate([[True], valid]).astype(np.int8)) == -1).sum()),
        "mean_face_px": float((boxes[:, 2] - boxes[:, 0]).mean()),
    }
