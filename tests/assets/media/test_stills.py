"""Stills are the frames that ticks show, whether they are decoded in one pass or one by one; damage raises nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.media.contact_sheet import thumbnails
from assets.media.probe import Probe, probe
from assets.media.stills import read_stills
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, make_flash_file


def moving(time_s: float) -> np.ndarray:
    frame = np.full((96, 160, 3), 60, np.uint8)
    at = round(time_s * 25) * 2 % 150
    frame[20:70, at : at + 10] = 200
    return frame


def stills_of(found: Probe, times_s: list[float]) -> list[np.ndarray]:
    stills = [still for still in read_stills(found, times_s, stage="test") if still is not None]
    assert len(stills) == len(times_s)
    return stills


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mpg"])
@pytest.mark.parametrize("ticks", [(0,), (0, 0, 1, 5, 74), (0, 20, 74), (10, 60), (100, 101, 140)])
def test_stills_are_the_frames_of_ticks(tmp_path: Path, suffix: str, ticks: tuple[int, ...]) -> None:
    made = make_flash_file(
        tmp_path / f"a.{suffix}", FlashFile(suffix=suffix, draw=moving, flash_times_s=(), duration_s=6.0)
    )
    found = probe(made.path)
    span = common_span(found)
    frames = [tick.frame.rgb() for tick in read_ticks(found, span)]
    stills = stills_of(found, [span.tick_s(tick) for tick in ticks])
    for tick, still in zip(ticks, stills, strict=True):
        assert np.array_equal(still, frames[tick]), tick


def test_times_outside_give_the_first_and_the_last_frame(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(draw=moving, flash_times_s=()))
    found = probe(made.path)
    frames = [tick.frame.rgb() for tick in read_ticks(found, common_span(found))]
    before, after = stills_of(found, [-3.0, 50.0])
    assert np.array_equal(before, frames[0]) and np.array_equal(after, frames[-1])


def test_descending_times(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(draw=moving, flash_times_s=()))
    with pytest.raises(ValueError, match="ascending"):
        list(read_stills(probe(made.path), [1.0, 0.0], stage="test"))


def test_broken_files_raise_nothing(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(draw=moving, flash_times_s=())).path
    (tmp_path / "text.mp4").write_text("no video")
    data = bytearray(made.read_bytes())
    first = data.index(b"mdat") + 3000  # frames; the index at the end stays intact
    data[first : first + 300] = b"\xff" * 300
    (tmp_path / "broken.mp4").write_bytes(data)
    times: list[float | None] = [2.0, *np.arange(0, 3, 0.2), None]
    assert thumbnails(tmp_path / "text.mp4", times) == [None] * len(times)
    assert None not in thumbnails(tmp_path / "broken.mp4", times)
    tiles = thumbnails(made, times)
    assert tiles[0] == thumbnails(made, [2.0])[0] and tiles[-1] == tiles[1] and len(set(tiles)) > 5
