"""What a probe says of good and bad files."""

from __future__ import annotations

import os
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.limits import ProbeLimits
from assets.media.probe import probe
from assets.workers.rejected import Rejected
from tests.support.media_files import FlashFile, make_flash_file


def reason_of(path: Path, limits: ProbeLimits | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        probe(path, limits)
    assert caught.value.stage == "clips"
    assert caught.value.detail
    return caught.value.reason


def test_grid_clip(real_grid_clips: list[Path]) -> None:
    found = probe(real_grid_clips[0])
    assert (found.container, found.video.codec, found.audio.codec) == ("mpeg", "mpeg1video", "mp2")
    assert (found.video.width, found.video.height, found.video.num_packets) == (360, 288, 75)
    assert (found.audio.sample_rate_hz, found.audio.channels) == (44_100, 2)
    assert found.video.counted
    assert (found.video.start_s, found.video.end_s) == (0.0, 3.0)


def test_rates_starts_and_layouts(tmp_path: Path) -> None:
    spec = FlashFile(suffix="mov", fps=Fraction(30000, 1001), audio_late_s=0.2, layout="5.1")
    found = probe(make_flash_file(tmp_path / "a.mov", spec).path)
    assert found.video.average_fps == pytest.approx(29.97, abs=0.001)
    assert found.audio.start_s - found.video.start_s == pytest.approx(0.2, abs=0.001)
    assert (found.audio.channels, found.audio.layout) == (6, "5.1")
    assert found.video.promised_frames == 90
    assert [stream.type for stream in found.streams] == ["video", "audio"]


def test_text_and_nothing_are_no_videos(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "zeros.mp4").write_bytes(bytes(100_000))
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    assert reason_of(tmp_path / "text.mp4") == "not_a_video"
    assert reason_of(tmp_path / "empty.mp4") == "empty_file"
    assert reason_of(tmp_path / "zeros.mp4") in ("not_a_video", "no_video_stream")
    assert reason_of(tmp_path / "folder.mp4") == "unreadable"
    assert reason_of(tmp_path / "pipe.mp4") == "unreadable"
    assert reason_of(tmp_path / "missing.mp4") == "unreadable"


@pytest.mark.parametrize(
    "name", ["a b.mp4", 'it\'s "so".mp4', "line\nbreak.mp4", "👄.mp4", "x" * 251 + ".mp4", b"\xff\xfe.mp4"]
)
def test_odd_names_open(tmp_path: Path, name: str | bytes) -> None:
    made = make_flash_file(tmp_path / "plain.mp4", FlashFile(duration_s=1.0))
    path = tmp_path / os.fsdecode(name)
    made.path.rename(path)
    assert probe(path).video.num_packets == 25


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "secret.ts", FlashFile(suffix="ts", duration_s=1.0))
    (tmp_path / "list.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{made.path}\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile '{made.path.name}'\n")
    assert reason_of(tmp_path / "list.mp4") == "not_a_video"
    assert reason_of(tmp_path / "concat.mp4") == "not_a_video"


def test_video_and_audio_are_both_needed(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "audio.mp4"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    assert reason_of(tmp_path / "audio.mp4") == "no_video_stream"
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    assert reason_of(tmp_path / "mute.mp4") == "no_audio_stream"


def test_limits(tmp_path: Path) -> None:
    path = make_flash_file(tmp_path / "a.mp4", FlashFile()).path
    assert reason_of(path, ProbeLimits(max_duration_s=2.0)) == "too_long"
    assert reason_of(path, ProbeLimits(min_duration_s=4.0)) == "too_short"
    assert reason_of(path, ProbeLimits(max_side_px=150)) == "too_large"
    assert reason_of(path, ProbeLimits(min_side_px=100)) == "too_small"
    assert reason_of(path, ProbeLimits(max_bytes=1000)) == "too_large"
    assert reason_of(path, ProbeLimits(max_streams=1)) == "too_many_streams"
    assert reason_of(path, ProbeLimits(max_frame_rate=20)) == "frame_rate"


def test_one_frame_is_too_short(tmp_path: Path) -> None:
    path = make_flash_file(tmp_path / "a.mp4", FlashFile(duration_s=0.04, flash_times_s=())).path
    assert reason_of(path) == "too_short"


def test_a_changed_file_is_probed_again(tmp_path: Path) -> None:
    path = make_flash_file(tmp_path / "a.mp4", FlashFile(duration_s=1.0)).path
    assert probe(path).video.num_packets == 25
    make_flash_file(path, FlashFile(duration_s=2.0))
    assert probe(path).video.num_packets == 50


def test_settings_say_what_is_right() -> None:
    with pytest.raises(ValueError, match="give 0 < min_duration_s < max_duration_s"):
        ProbeLimits(min_duration_s=5, max_duration_s=1)
    with pytest.raises(ValueError, match="max_bytes is 0"):
        ProbeLimits(max_bytes=0)


@pytest.mark.parametrize(("fps", "is_read"), [(1, False), (5, False), (10, True), (15, True)])
def test_slow_videos_are_rejected(tmp_path: Path, fps: int, is_read: bool) -> None:
    path = make_flash_file(tmp_path / "a.mkv", FlashFile(suffix="mkv", fps=Fraction(fps))).path
    if is_read:
        assert probe(path).video.average_fps == pytest.approx(fps, rel=0.01)
        return
    with pytest.raises(Rejected) as caught:
        probe(path)
    assert (caught.value.reason, caught.value.detail) == (
        "frame_rate",
        f"{fps}.0 frames a second; 10 to 241 are read",
    )
