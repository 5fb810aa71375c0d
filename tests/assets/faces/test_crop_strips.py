"""Previews for people: strips of crops and contact sheets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.faces.canonical_face import template
from assets.faces.crop_strips import MARK, crop_strip
from assets.faces.packed_jpegs import pack_jpegs
from assets.media.contact_sheet import RejectedClip, contact_sheet, stacked, thumbnail


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


def packed(num_frames: int) -> tuple[bytes, np.ndarray]:
    return pack_jpegs([np.full((128, 128, 3), 40 + k, np.uint8) for k in range(num_frames)], 95)


def test_a_strip_shows_the_first_and_the_last_crop() -> None:
    strip = np.asarray(opened(crop_strip(*packed(50), num_crops=5)))
    assert strip.shape == (128, 5 * 128, 3)
    assert strip[64, 64, 0] == pytest.approx(40, abs=2) and strip[64, -64, 0] == pytest.approx(89, abs=2)
    assert opened(crop_strip(*packed(3), num_crops=10)).size == (3 * 128, 128)


def test_landmarks_are_drawn_in() -> None:
    points = np.repeat(template(128)[None], 6, axis=0)
    strip = np.asarray(opened(crop_strip(*packed(6), num_crops=6, landmarks=points, valid=np.ones(6, bool))))
    x, y = points[0, 33].round().astype(int)
    assert tuple(strip[y, x]) == MARK and tuple(strip[y, x + 5 * 128]) == MARK


def test_strips_below_one_another() -> None:
    sheet = opened(
        stacked([("first", crop_strip(*packed(4))), ("second \n\N{PILE OF POO}", crop_strip(*packed(6)))])
    )
    assert sheet.width == 6 * 128 and sheet.height > 2 * 128
    with pytest.raises(ValueError, match="at least one"):
        stacked([])


def test_contact_sheet_of_rejected_clips(tmp_path: Path, grid_clips: list[Path]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert thumbnail(broken) is None
    shown = thumbnail(grid_clips[0], 1.0)
    assert shown is not None and max(opened(shown).size) <= 196
    clips = [RejectedClip(clip_id="grid/train/" + "a" * 90, reason="no_face", thumbnail=shown)]
    clips += [RejectedClip(clip_id=f"x/{k}", reason="damaged", thumbnail=None) for k in range(7)]
    sheet = np.asarray(opened(contact_sheet(clips, num_columns=4)))
    assert sheet.shape[1] == 800 and sheet.shape[0] > 400
    assert sheet[100, 100].std() >= 0 and sheet[40:160, 40:160].std() > 10
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
