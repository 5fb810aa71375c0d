"""Repeated frames are counted: of slow sources, and of sources that were stored with every frame twice."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.media.probe import probe
from assets.media.repeated_frames import RepeatedFrames, block_means, shows_the_same
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, make_flash_file


def num_repeated(path: Path) -> int:
    found = probe(path)
    repeated = RepeatedFrames()
    for tick in read_ticks(found, common_span(found)):
        repeated.add(tick)
    return repeated.num


def moving(times_a_second: float) -> object:
    """Draws a square that moves on so many times a second."""

    def draw(time_s: float) -> np.ndarray:
        frame = np.full((96, 160, 3), 60, np.uint8)
        at = 2 * int(time_s * times_a_second + 1e-6) % 120
        frame[40:60, at : at + 20] = (90, 160, 120)
        return frame

    return draw


@pytest.mark.parametrize(
    ("fps", "times_a_second", "expected"),
    [(25, 25.0, 0), (10, 10.0, 45), (25, 12.5, 37), (25, 5.0, 60), (50, 50.0, 0), (25, 0.0, 74)],
)
def test_repeats_in_three_seconds(tmp_path: Path, fps: int, times_a_second: float, expected: int) -> None:
    spec = FlashFile(fps=Fraction(fps), flash_times_s=(), draw=moving(times_a_second))
    found = num_repeated(make_flash_file(tmp_path / "a.mp4", spec).path)
    assert max(expected - 1, 0) <= found <= expected  # an encoder may still refine the second frame


def test_real_footage_has_next_to_none(real_grid_clips: list[Path]) -> None:
    for clip in real_grid_clips[:3]:
        assert num_repeated(clip) <= 1


def test_coding_noise_is_no_change_and_a_lip_is_one() -> None:
    rng = np.random.default_rng(0)
    gray = cv2.GaussianBlur(rng.integers(0, 256, (96, 160), dtype=np.uint8), (0, 0), 3)
    noisy = np.clip(gray + rng.normal(0, 1.5, gray.shape), 0, 255).astype(np.uint8)
    assert shows_the_same(block_means(gray), block_means(noisy))
    lips = gray.copy()
    lips[64:68, 72:80] //= 2
    assert not shows_the_same(block_means(gray), block_means(lips))
    assert not shows_the_same(block_means(gray), block_means(gray[:48]))
