"""Rows of the table ``face_tracks``, and the check on how much of the clips the tracks cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assets.stage.run import CheckOutcome
from assets.store.bucket_files import read_ok_rows

FRAMES_KEPT = "most_frames_are_kept"
LEAST_KEPT_SHARE = 0.9


def track_rows(folder: Path, dataset: str) -> list[dict[str, Any]]:
    """A row for each accepted clip of a stage folder."""
    columns = [
        "clip_id", "backend", "num_frames", "num_clip_frames", "num_faces", "valid", "num_repeated",
        "longest_gap_frames", "boxes", "chosen_by", "lip_confidence",
    ]  # fmt: skip
    return [_track_row(row, dataset) for row in read_ok_rows(folder, columns)]


def check_kept(rows: list[dict[str, Any]]) -> CheckOutcome:
    """Warns if the tracks cover less than ``LEAST_KEPT_SHARE`` of the frames of their clips."""
    kept = sum(row["num_frames"] for row in rows)
    frames = sum(row["num_clip_frames"] for row in rows)
    description = f"{kept} of {frames} frames kept"
    worst = min(rows, key=lambda row: row["kept_share"], default=None)
    if worst is not None and worst["kept_share"] < 1:
        least = f"{worst['num_frames']} of {worst['num_clip_frames']} of {worst['clip_id']}"
        description += f"; fewest {least}: its face is lost, or the shot changes"
    return CheckOutcome(
        name=FRAMES_KEPT, passed=kept >= LEAST_KEPT_SHARE * frames, blocking=False, description=description
    )


def _track_row(row: dict[str, Any], dataset: str) -> dict[str, Any]:
    valid = np.frombuffer(row["valid"], np.uint8) != 0
    boxes = np.frombuffer(row["boxes"], np.float32).reshape(-1, 4)
    return {
        "dataset": dataset,
        "clip_id": row["clip_id"],
        "backend": row["backend"],
        "num_frames": row["num_frames"],
        "num_clip_frames": row["num_clip_frames"],
        "kept_share": row["num_frames"] / row["num_clip_frames"],
        "num_faces": row["num_faces"],
        "valid_share": float(valid.mean()),
        "interpolated_share": float(1 - valid.mean()),
        "longest_gap_frames": row["longest_gap_frames"],
        "repeated_frames": row["num_repeated"],
        "chosen_by": row["chosen_by"],
        "lip_confidence": row["lip_confidence"],
        "num_gaps": int((np.diff(np.concatenate([[True], valid]).astype(np.int8)) == -1).sum()),
        "mean_face_px": float((boxes[:, 2] - boxes[:, 0]).mean()),
    }
