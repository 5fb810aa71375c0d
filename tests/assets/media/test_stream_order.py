"""The video and audio of a file are read wherever its other streams stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.media.audio import read_audio
from assets.media.opening import demux
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, Made, make_flash_file, measure
from tests.support.other_streams import KINDS, Kind, with_stream_first


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_flash_file(
        tmp_path_factory.mktemp("made") / "flash.mkv", FlashFile(suffix="mkv", audio_codec="aac")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_another_stream_may_come_first(kind: Kind, made: Made, tmp_path: Path) -> None:
    path = with_stream_first(made.path, tmp_path, kind)
    found = probe(path)
    assert (found.video.index, found.audio.index) == ((0, 1) if kind == "cover" else (1, 2))
    assert (found.video.codec, found.audio.codec, found.video.num_packets) == ("h264", "aac", 75)
    span = common_span(found, stage="clips")
    luma = [float(tick.frame.gray().mean()) for tick in read_ticks(found, span)]
    samples = read_audio(found, span).samples
    for flash_s in made.flash_times_s:
        flash, beep = measure(samples, luma, flash_s - span.start_s)
        assert flash == pytest.approx(flash_s - span.start_s, abs=0.021)
        assert beep == pytest.approx(flash, abs=0.011)


def test_streams_that_appear_within_the_file_do_not_end_it() -> None:
    """PyAV fails at its end over the streams of a damaged or changing broadcast that it did not know at its start."""

    class Changing:
        def demux(self, *streams: object) -> Iterator[str]:
            yield from ("packet", "flush of video", "flush of audio")
            raise IndexError("list index out of range")

    assert list(demux(Changing())) == ["packet", "flush of video", "flush of audio"]  # type: ignore[arg-type]


@pytest.mark.parametrize("frames", [8, 9])
def test_frames_that_only_flushing_gives_are_of_their_own_stream(frames: int, tmp_path: Path) -> None:
    """x264 with B-frames gives the first frame of so short a file when the decoder is flushed."""
    spec = FlashFile(suffix="mkv", audio_codec="aac", duration_s=frames / 25, flash_times_s=())
    path = with_stream_first(make_flash_file(tmp_path / "short.mkv", spec).path, tmp_path, "subtitles")
    found = probe(path)
    assert (found.video.num_packets, found.video.width) == (frames, 160)
