"""decord as an independent reference: the same frames where it is right, and its errors where it is not.

It reads no file of a run: MPEG program streams come twelve frames late without an error, the ends of some phone videos
a few frames early, and a process that loads it before torch crashes in its first mel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # noqa: F401  # before decord: the other way round torchaudio's transforms crash

from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, make_flash_file

decord = pytest.importorskip("decord")

# Mean difference in grey levels of two conversions of one frame; frames 40 ms apart differ by more.
SAME_FRAME = 1.7


def by_decord(path: Path) -> Any:
    return decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)


def moving(time_s: float) -> np.ndarray:
    frame = np.full((96, 160, 3), 60, np.uint8)
    at = round(time_s * 25) * 2 % 150
    frame[20:70, at : at + 10] = 200
    return frame


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("suffix", ["mp4", "mov", "avi"])
def test_every_frame_is_decords(tmp_path: Path, suffix: str) -> None:
    made = make_flash_file(
        tmp_path / f"a.{suffix}", FlashFile(suffix=suffix, draw=moving, flash_times_s=(1.0,))
    )
    found = probe(made.path)
    frames = by_decord(made.path)
    ticks = list(read_ticks(found, common_span(found)))
    assert len(ticks) == len(frames) == 75
    for tick in ticks:
        assert difference(tick.frame.rgb(), frames[tick.frame_index].asnumpy()) < SAME_FRAME, tick.index


def test_decord_reads_grid_twelve_frames_late(real_grid_clips: list[Path]) -> None:
    """If a later decord reads these right, this test says so: then it can be considered for random access."""
    for path in real_grid_clips[:3]:
        found = probe(path)
        ours = [tick.frame.rgb() for tick in read_ticks(found, common_span(found))]
        first = by_decord(path)[0].asnumpy()
        assert int(np.argmin([difference(first, frame) for frame in ours])) == 12


@pytest.mark.proof
def test_wild_videos_agree_up_to_their_last_second(shared_data: Path) -> None:
    for path in sorted((shared_data / "wild").glob("*.mp4")):
        found = probe(path)
        span = common_span(found)
        frames = by_decord(path)
        for tick in read_ticks(found, span):
            if tick.index % 10 == 0 and tick.index < span.num_frames - 25:
                other = frames[tick.frame_index].asnumpy()
                assert difference(tick.frame.rgb(), other) < SAME_FRAME, (path.name, tick.index)
