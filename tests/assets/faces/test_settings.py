"""Settings that can't work are rejected with what would be right."""

from __future__ import annotations

import pytest

from assets.faces.settings import CropSettings, TrackSettings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backend": "mtcnn"}, "backend is 'mtcnn'; one of dlib, face_alignment"),
        ({"device": "gpu"}, "device is 'gpu'; give auto, cpu, cuda"),
        ({"detect_every_frames": 0}, "detect_every_frames is 0; give 1 or more"),
        ({"min_overlap": 1.5}, "min_overlap is 1.5; give a share from 0 to 1"),
        ({"region_margin": 1.0}, "region_margin is 1.0; give 1.2 to 3"),
        ({"speaking_weight": 0, "central_weight": 0, "large_weight": 0}, "are all 0"),
        ({"max_gap_frames": float("nan")}, "max_gap_frames is nan"),
    ],
)
def test_track_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackSettings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop_px": 127}, "crop_px is 127; give 128 or 256"),
        ({"crop_px": 192}, "crop_px is 192; give 128 or 256"),
        ({"crop_px": 384}, "crop_px is 384; give 128 or 256"),
        ({"jpeg_quality": 0}, "jpeg_quality is 0; give 1 to 100"),
        ({"centre_sigma_frames": -1}, "centre_sigma_frames is -1; give 0 or more"),
        ({"max_padding_share": 2}, "max_padding_share is 2; give a share"),
    ],
)
def test_crop_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CropSettings(**values)  # type: ignore[arg-type]
