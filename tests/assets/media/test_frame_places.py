"""Frames of containers that store them by place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from assets.media.frame_places import FramePlaces
from assets.media.limits import ProbeLimits
from assets.metrics.plain_video import read_plain_video
from pipelines.dubbing.source_video import open_source, read_frames
from tests.support.media_files import FlashFile, make_flash_file


def places(packets: list[tuple[int, int]], frames: list[tuple[int, bool]]) -> Iterator[int]:
    """Of frames (place of their packet, key frame) in the order shown; packets are (place, bytes)."""
    clock = FramePlaces()
    for place, size in packets:
        clock.enter(SimpleNamespace(dts=place, pts=None, size=size))
    for place, key in frames:
        yield clock.leave(SimpleNamespace(pts=place, key_frame=key))


def test_frames_take_the_places_in_the_order_shown() -> None:
    packets = [(place, 9) for place in range(4)]
    assert list(places(packets, [(0, True), (2, False), (3, False), (1, False)])) == [0, 1, 2, 3]


def test_a_place_without_a_frame_gives_none() -> None:
    packets = [(0, 9), (1, 0), (2, 9), (3, 9)]
    assert list(places(packets, [(0, True), (3, False), (2, False)])) == [0, 2, 3]


def test_a_lost_frame_moves_none_after_the_next_key_frame() -> None:
    packets = [(place, 9) for place in range(5)]
    assert list(places(packets, [(0, True), (2, False), (3, True), (4, False)])) == [0, 1, 3, 4]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_dub_and_score_see_every_frame_at_its_place(tmp_path: Path, codec: str) -> None:
    spec = FlashFile(suffix="avi", video_codec=codec, video_options={"bf": "2"}, duration_s=1.0)
    path = make_flash_file(tmp_path / "a.avi", spec).path
    expected = [index / 25 for index in range(25)]
    dubbed = [frame.time_s for frame in read_frames(open_source(path, ProbeLimits()))]
    assert dubbed == pytest.approx(expected)
    scored = read_plain_video(path, stage="clip_metrics")
    np.testing.assert_allclose(scored.times_s, expected)
    assert scored.audio is not None and abs(len(scored.audio) - 16_000) <= 1
