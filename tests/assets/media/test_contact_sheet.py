"""Contact sheets of rejected clips, for people."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.media.contact_sheet import RejectedClip, contact_sheet, thumbnails


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


def test_contact_sheet_of_rejected_clips(tmp_path: Path, grid_clips: list[Path]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert thumbnails(broken, [None]) == [None]
    (shown,) = thumbnails(grid_clips[0], [1.0])
    assert shown is not None and max(opened(shown).size) <= 196
    clips = [RejectedClip(clip_id="grid/train/" + "a" * 90, reason="no_face", thumbnail=shown)]
    clips += [RejectedClip(clip_id=f"x/{k}", reason="damaged", thumbnail=None) for k in range(7)]
    sheet = np.asarray(opened(contact_sheet(clips, num_columns=4)))
    assert sheet.shape[1] == 800 and sheet.shape[0] > 400
    assert sheet[100, 100].std() >= 0 and sheet[40:160, 40:160].std() > 10
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
