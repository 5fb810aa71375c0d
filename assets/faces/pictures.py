"""What ``face_tracks`` and ``face_crops`` show of themselves: strips of crops, and the table of tracks."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from assets.faces.crop_strips import crop_strip
from assets.media.contact_sheet import stacked
from assets.stage.run import Preview
from assets.store.bucket_files import read_ok_rows

NUM_STRIPS = 6


def crop_pictures(folder: Path) -> dict[str, Preview]:
    """Strips of the first clips' crops, with their landmarks drawn in."""
    strips = []
    for row in islice(
        read_ok_rows(folder, ["clip_id", "mjpeg", "jpeg_offsets", "landmarks", "valid"]), NUM_STRIPS
    ):
        strip = crop_strip(
            row["mjpeg"],
            np.frombuffer(row["jpeg_offsets"], np.int64),
            landmarks=np.frombuffer(row["landmarks"], np.float32).reshape(-1, 68, 2),
            valid=np.frombuffer(row["valid"], np.uint8) != 0,
        )
        strips.append((str(row["clip_id"]), strip))
    return {"crops": Preview(stacked(strips))} if strips else {}


def track_rows(folder: Path, dataset: str) -> list[dict[str, Any]]:
    """Rows of the table ``face_tracks``: a clip each."""
    columns = ["clip_id", "backend", "num_frames", "num_faces", "valid", "longest_gap_frames", "boxes"]
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
        "num_gaps": int((np.diff(np.concatenate([[True], valid]).astype(np.int8)) == -1).sum()),
        "mean_face_px": float((boxes[:, 2] - boxes[:, 0]).mean()),
    }
