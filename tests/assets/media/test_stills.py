"""decord is used only where it is proven right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.media.probe import probe
from assets.media.stills import compare_readers, read_stills, reader_for
from tests.support.media_files import FlashFile, make_flash_file


def moving(time_s: float) -> np.ndarray:
    picture = np.full((96, 160, 3), 60, np.uint8)
    at = round(time_s * 25) * 2 % 150
    picture[20:70, at : at + 10] = 200
    return picture


def test_decord_reads_grid_late_and_so_is_not_used(real_grid_clips: list[Path]) -> None:
    """If a later decord reads these right, this test says so: then the rule can go."""
    for path in real_grid_clips[:3]:
        found = probe(path)
        assert reader_for(found).reader == "pyav"
        choice = compare_readers(found)
        assert choice.reader == "pyav"
        assert "decord's picture 0 looks like picture 12" in choice.reason


def test_decord_and_pyav_give_the_same_pictures_of_an_mp4(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(draw=moving, flash_times_s=()))
    found = probe(made.path)
    assert reader_for(found).reader == "decord"
    times = [0.0, 0.05, 1.0, 1.99, 2.97, 50.0]
    by_decord = read_stills(found, times, reader="decord")
    by_pyav = read_stills(found, times, reader="pyav")
    for one, other in zip(by_decord, by_pyav, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3


def test_turned_and_counted_files_are_pyavs(tmp_path: Path, grid_clips: list[Path]) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(rotation=90))
    assert "turned" in reader_for(probe(made.path)).reason
    assert "time stamps" in reader_for(probe(grid_clips[0])).reason


def test_unknown_reader(grid_clips: list[Path]) -> None:
    with pytest.raises(ValueError, match="one of decord, pyav"):
        read_stills(probe(grid_clips[0]), [0.0], reader="opencv")


@pytest.mark.proof
def test_wild_videos_are_read_by_decord_only_if_every_proven_picture_is_right(shared_data: Path) -> None:
    for path in sorted((shared_data / "wild").glob("*.mp4")):
        found = probe(path)
        choice = reader_for(found)
        times = [0.0, found.video.end_s / 2, found.video.end_s]
        right = read_stills(found, times, reader="pyav")
        for one, other in zip(read_stills(found, times), right, strict=True):
            assert np.abs(one.astype(int) - other).mean() < 3, (path.name, choice)
