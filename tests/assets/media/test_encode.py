"""Written videos: lossless ones come back bit for bit, web ones play, and a failure leaves the old file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.encode import read_lossless, write_lossless, write_web_video


@pytest.fixture
def clip() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 256, (9, 48, 64, 3), dtype=np.uint8)  # noise: the worst case for a codec
    audio = rng.integers(-32768, 32768, 9 * 640 + 77).astype(np.int16)
    return frames, audio


def test_lossless_videos_come_back_bit_for_bit(tmp_path: Path, clip: tuple[np.ndarray, np.ndarray]) -> None:
    write_lossless(tmp_path / "a.mkv", *clip)
    frames, audio = read_lossless(tmp_path / "a.mkv")
    np.testing.assert_array_equal(frames, clip[0])
    np.testing.assert_array_equal(audio, clip[1])


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path, clip: tuple[np.ndarray, np.ndarray]) -> None:
    for name in ("a", "b"):
        write_lossless(tmp_path / f"{name}.mkv", *clip, title="x")
        write_web_video(tmp_path / f"{name}.mp4", *clip, title="x")
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_lossless_videos_say_what_they_hold(tmp_path: Path, clip: tuple[np.ndarray, np.ndarray]) -> None:
    write_lossless(tmp_path / "a.mkv", *clip, title="grid/test/s1/bbaf2n (cals, own)")
    with av.open(str(tmp_path / "a.mkv")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("ffv1", "flac")
        assert (float(video.average_rate), audio.rate, audio.channels) == (25.0, 16_000, 1)
        assert container.metadata["title"] == "grid/test/s1/bbaf2n (cals, own)"


def test_web_videos_are_what_browsers_play(tmp_path: Path) -> None:
    frames = np.zeros((50, 32, 32, 3), np.uint8)
    frames[:, :, 16:] = [200, 40, 90]
    tone = np.round(9000 * np.sin(np.arange(50 * 640) * 0.2)).astype(np.int16)
    path = tmp_path / "a.mp4"
    write_web_video(path, frames, tone, scale=2)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "must play while it loads"
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, audio.codec_context.name) == (
            "h264",
            "yuv420p",
            "aac",
        )
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
    assert len(shown) == 50 and shown[0].shape == (64, 64, 3)
    assert np.abs(shown[25][:, 40:].astype(int) - [200, 40, 90]).mean() < 6


def test_a_failure_leaves_what_was_there(
    tmp_path: Path, clip: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mkv"
    write_lossless(path, *clip)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("assets.media.encode._mux", fail)
    with pytest.raises(OSError, match="No space"):
        write_lossless(path, clip[0][::-1], clip[1])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4), np.uint8)]
)
def test_what_is_no_video_is_rejected(tmp_path: Path, frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frames must be uint8"):
        write_lossless(tmp_path / "a.mkv", frames, np.zeros(640, np.int16))
    with pytest.raises(ValueError, match="audio must be int16"):
        write_lossless(tmp_path / "a.mkv", np.zeros((2, 4, 4, 3), np.uint8), np.zeros(640))
    assert not list(tmp_path.iterdir())


def test_odd_sizes_and_unreadable_files_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even width"):
        write_web_video(tmp_path / "a.mp4", np.zeros((2, 4, 5, 3), np.uint8), np.zeros(640, np.int16))
    (tmp_path / "b.mkv").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"b\.mkv: not a readable"):
        read_lossless(tmp_path / "b.mkv")
