"""The sheet of rejected clips shows every reason, whatever the files are."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from assets.clips.rejected_sheet import MAX_CLIPS, _of_each_reason, rejected_sheet
from assets.media.contact_sheet import TILE_PX, thumbnails
from assets.workers.clip_pool import PoolSettings
from tests.support.media_files import FlashFile, make_flash_file


def row(path: str, reason: str, start_s: float | None = None) -> dict[str, Any]:
    return {
        "clip_id": f"odd/train/{path}",
        "relative_path": path,
        "reason": reason,
        "common_start_s": start_s,
    }


def test_every_rejected_file_is_a_tile(tmp_path: Path) -> None:
    make_flash_file(tmp_path / "whole.mp4", FlashFile())
    (tmp_path / "text.mp4").write_text("no video")
    os.mkfifo(tmp_path / "pipe.mp4")
    rows = [
        row("whole.mp4", "no_face", 1.0),
        row("text.mp4", "not_a_video"),
        row("pipe.mp4", "not_a_file"),
        row("gone.mp4", "vanished"),
    ]
    previews = rejected_sheet(rows, tmp_path, PoolSettings(num_workers=1))
    sheet = np.asarray(Image.open(io.BytesIO(previews["rejected"].png)))
    assert sheet.shape[1] == 4 * TILE_PX
    tiles = [sheet[:TILE_PX, k * TILE_PX : (k + 1) * TILE_PX] for k in range(4)]
    filled = [float((np.abs(tile.astype(int) - 60) < 4).all(-1).mean()) > 0.3 for tile in tiles]
    assert filled == [True, False, False, False]


def test_nothing_rejected_gives_no_sheet(tmp_path: Path) -> None:
    assert rejected_sheet([], tmp_path, PoolSettings(num_workers=1)) == {}


def test_rare_reasons_are_not_crowded_out() -> None:
    rows = [row(f"{k:03d}.mp4", "no_face") for k in range(100)] + [row("x.mp4", "damaged")]
    shown = _of_each_reason(rows)
    assert len(shown) == MAX_CLIPS
    assert shown[0]["reason"] == "damaged"
    assert [r["relative_path"] for r in shown[1:3]] == ["000.mp4", "001.mp4"]


def test_a_rejected_file_still_shows_its_first_frame(tmp_path: Path) -> None:
    short = make_flash_file(tmp_path / "short.mp4", FlashFile(duration_s=0.08, flash_times_s=())).path
    (shown,) = thumbnails(short, [None])
    assert shown is not None and Image.open(io.BytesIO(shown)).size == (160, 96)
