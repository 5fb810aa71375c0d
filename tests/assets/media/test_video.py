"""Segments, damage, GRID's frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.probe import probe
from assets.media.timeline import Span, common_span
from assets.media.video import read_ticks
from assets.workers.rejected import Rejected
from tests.support.media_files import FlashFile, make_flash_file


def lumas(path: Path, span: Span | None = None) -> list[np.ndarray]:
    found = probe(path)
    return [tick.frame.gray().copy() for tick in read_ticks(found, span or common_span(found))]


def moving(time_s: float) -> np.ndarray:
    """A bar whose position encodes the time."""
    frame = np.full((96, 160, 3), 60, np.uint8)
    at = int(time_s * 25) % 150
    frame[:, at : at + 10] = 200
    return frame


def test_grid_clip_gives_the_75_frames_that_ffmpeg_decodes(grid_clips: list[Path]) -> None:
    for path in grid_clips[:3]:
        with av.open(str(path)) as container:
            expected = [frame.to_ndarray()[:288] for frame in container.decode(video=0)]
        found = lumas(path)
        assert len(found) == len(expected) == 75
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mpg", "avi"])
def test_a_segment_has_the_same_frames_as_the_whole(tmp_path: Path, suffix: str) -> None:
    made = make_flash_file(
        tmp_path / f"a.{suffix}", FlashFile(suffix=suffix, duration_s=6.0, flash_times_s=(), draw=moving)
    )
    found = probe(made.path)
    whole = lumas(made.path)
    span = common_span(found, start_s=found.video.start_s + 4.0, end_s=found.video.start_s + 5.2)
    assert span.num_frames == 30
    part = lumas(made.path, span)
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[100:130], strict=True))


def test_spans_of_segments_lie_on_one_grid(tmp_path: Path) -> None:
    found = probe(make_flash_file(tmp_path / "a.mp4", FlashFile(duration_s=4.0)).path)
    span = common_span(found, start_s=1.013, end_s=2.0)
    assert span.start_s == pytest.approx(1.04)
    assert span.num_frames == 24


def test_late_and_short_audio_keep_the_common_part(tmp_path: Path) -> None:
    spec = FlashFile(suffix="mov", audio_late_s=0.2, audio_short_s=0.7, flash_times_s=())
    found = probe(make_flash_file(tmp_path / "a.mov", spec).path)
    span = common_span(found)
    assert span.start_s == pytest.approx(found.video.start_s + 0.2)
    assert span.num_frames == 57  # from 0.2 s to 0.2 + 3.0 - 0.7 = 2.5 s, whole ticks
    assert span.trimmed_start_s == pytest.approx(0.2, abs=0.002)
    assert span.trimmed_end_s == pytest.approx(0.5, abs=0.002)


def test_streams_that_differ_by_a_frame_lose_nothing(tmp_path: Path) -> None:
    found = probe(make_flash_file(tmp_path / "a.mov", FlashFile(suffix="mov", audio_short_s=0.03)).path)
    span = common_span(found)
    assert (span.num_frames, span.trimmed_s) == (75, 0.0)


def cut_file(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_file_cut_short_is_damaged_where_the_container_promises_more(tmp_path: Path, suffix: str) -> None:
    mux = {"movflags": "faststart"} if suffix == "mp4" else {}
    made = make_flash_file(tmp_path / f"a.{suffix}", FlashFile(suffix=suffix, mux=mux, draw=moving))
    cut_file(made.path, 0.6)
    with pytest.raises(Rejected) as caught:
        lumas(made.path)
    assert caught.value.reason in ("damaged", "not_a_video")
    assert caught.value.detail


def test_broken_frames_are_detected(grid_clips: list[Path], tmp_path: Path) -> None:
    data = bytearray(grid_clips[0].read_bytes())
    for at in range(150_000, 150_400):
        data[at] ^= 0x5A
    path = tmp_path / "broken.mpg"
    path.write_bytes(data)
    with pytest.raises(Rejected) as caught:
        lumas(path)
    assert caught.value.reason == "damaged"


def test_damage_reaches_to_the_next_key_frame(real_grid_clips: list[Path]) -> None:
    """The decoder complains about frames 45 and 46; 47 is predicted from them; 48 is intact."""
    path = next(path for path in real_grid_clips if path.name == "sgib8n.mpg")
    found = probe(path)
    ticks = list(read_ticks(found, common_span(found), max_damaged_share=0.1))
    assert [tick.index for tick in ticks if tick.damaged] == [45, 46, 47]
    with pytest.raises(Rejected, match="3 of 75 frames are damaged"):
        list(read_ticks(found, common_span(found), max_damaged_share=0.03))
    with pytest.raises(Rejected, match="3 of 75 frames are damaged"):
        list(read_ticks(found, common_span(found)))


def test_intact_frames_are_not_called_damaged(grid_clips: list[Path], tmp_path: Path) -> None:
    made = [
        make_flash_file(tmp_path / f"a.{s}", FlashFile(suffix=s)).path for s in ("mp4", "webm", "avi", "ts")
    ]
    for path in [*grid_clips[:3], *made]:
        found = probe(path)
        assert not any(tick.damaged for tick in read_ticks(found, common_span(found), max_damaged_share=1.0))


def test_lost_frames_are_detected(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(draw=moving, duration_s=3.0))
    found = probe(made.path)
    with pytest.raises(Rejected, match="promised"):
        list(read_ticks(found, Span(start_s=found.video.start_s, num_frames=100)))


def test_a_change_of_frame_size_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    small = make_flash_file(tmp_path / "small.ts", FlashFile(suffix="ts", size=(160, 96), duration_s=1.0))
    large = make_flash_file(tmp_path / "large.ts", FlashFile(suffix="ts", size=(320, 192), duration_s=1.0))
    path.write_bytes(small.path.read_bytes() + large.path.read_bytes())
    with pytest.raises(Rejected) as caught:
        lumas(path)
    assert caught.value.reason in ("size_changes", "damaged")


def test_memory_does_not_grow_with_the_span(tmp_path: Path) -> None:
    """Frames are released as the ticks advance: only the few that the decoder holds stay."""
    import gc

    from assets.media.decoded_frame import DecodedFrame

    made = make_flash_file(tmp_path / "a.mp4", FlashFile(fps=Fraction(30), duration_s=6.0))
    found = probe(made.path)
    gc.collect()  # rejections of other tests may still hold frames
    alive = 0
    for tick in read_ticks(found, common_span(found)):
        if tick.index % 25 == 24:
            alive = max(alive, sum(isinstance(thing, DecodedFrame) for thing in gc.get_objects()))
    assert alive <= 6
