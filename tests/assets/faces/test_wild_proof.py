"""Every frame of the wild 1080p clips: stable, upright, centred crops with the mouth in the lower half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.workers.rejected import Rejected


@pytest.mark.proof
@pytest.mark.parametrize("number", [1, 2, 3])
def test_crops_of_a_wild_clip(shared_data: Path, number: int) -> None:
    path = shared_data / "wild" / f"ls_demo{number}.mp4"
    span = common_span(probe(path))
    payload = FacesPayload(
        path=path, span=span, clip_digest="", track_settings=TrackSettings(), crop_settings=CropSettings()
    )
    row = compute_faces(payload, frozenset({TRACKS, CROPS}))[CROPS]
    assert not isinstance(row, Rejected), row
    assert row["num_frames"] == span.num_frames and set(row["valid"]) == {1}
    points = np.frombuffer(row["landmarks"], np.float32).reshape(-1, 68, 2)
    lips, eyes = points[:, 48:], points[:, 36:48]
    assert lips[..., 1].min() >= 64 and lips[..., 1].max() <= 127
    assert abs(lips[..., 0].mean() - 64) < 2 and lips[..., 0].mean(axis=1).std() < 2
    assert (eyes[..., 1].mean(axis=1) < lips[..., 1].min(axis=1)).all(), "a face is upside down"
    assert points[:, 27:31].mean(axis=1).std(axis=0).max() < 2.5, "the crop does not hold still on the nose"
