"""Frames through JPEG files: the pixels of the program's own files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.media.encode import write_lossless
from assets.metrics.jpeg_files import through_jpeg_files
from tests.support.grid_crops import grid_crops


def test_quality_falls_as_the_programs_rate_control_makes_it(grid_clips: list[Path]) -> None:
    frames, _ = grid_crops(grid_clips[0])
    lossy = through_jpeg_files(frames)
    errors = np.square(lossy.astype(float) - frames).mean(axis=(1, 2, 3))
    decibels = 10 * np.log10(255**2 / errors)
    assert decibels[:5].min() > 38
    assert 29 < decibels[40:].mean() < 33


def test_equals_the_programs_own_files(grid_clips: list[Path], tmp_path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("needs the ffmpeg program, which is not on the PATH")
    frames, audio = grid_crops(grid_clips[0])
    write_lossless(tmp_path / "a.mkv", frames, audio)
    command = [program, "-loglevel", "error", "-i", "a.mkv", "-threads", "1", "-f", "image2", "%06d.jpg"]
    subprocess.run(command, check=True, cwd=tmp_path)
    files = np.stack([cv2.imread(str(path))[:, :, ::-1] for path in sorted(tmp_path.glob("*.jpg"))])
    assert np.abs(files.astype(int) - through_jpeg_files(frames)).mean() < 0.5


def test_rejects_what_is_no_video() -> None:
    with pytest.raises(ValueError, match="uint8"):
        through_jpeg_files(np.zeros((0, 16, 16, 3), np.uint8))
