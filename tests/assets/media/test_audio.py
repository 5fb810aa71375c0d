"""Resampling, mixing, gaps, shares."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import resample_poly

from assets.media.audio import read_audio, resample
from assets.media.probe import probe
from assets.media.timeline import Span, common_span
from assets.workers.rejected import Rejected
from tests.support.media_files import FlashFile, make_flash_file


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_moves_nothing(rate_hz: int) -> None:
    impulse = np.zeros(rate_hz, np.float32)
    impulse[rate_hz // 2] = 1
    out = resample(impulse, rate_hz)
    centre = float((np.square(out) * np.arange(len(out))).sum() / np.square(out).sum())
    assert centre == pytest.approx(rate_hz // 2 * 16_000 / rate_hz, abs=0.01)
    assert abs(len(out) - 16_000) <= 1


def test_resampling_agrees_with_scipy() -> None:
    time_s = np.arange(44_100) / 44_100
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    expected = resample_poly(tone, 160, 441)
    found = resample(tone, 44_100)
    assert np.abs(found[200:15_800] - expected[200:15_800]).max() < 2e-3


def test_missing_audio_is_marked_silence(tmp_path: Path) -> None:
    found = probe(make_flash_file(tmp_path / "a.mov", FlashFile(suffix="mov", audio_late_s=0.03)).path)
    audio = read_audio(found, common_span(found))
    assert audio.missing[0] == (0, 480)
    assert not audio.samples[:480].any()
    assert audio.missing_share == pytest.approx(480 / 48_000, abs=1e-3)
    assert 0.8 < audio.silent_share < 1.0


def test_clipped_share(tmp_path: Path) -> None:
    path = tmp_path / "loud.mov"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for _ in range(25):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        samples = np.zeros((1, 16_000), np.int16)
        samples[0, :4000] = 32_767
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(video.encode(None))
    found = probe(path)
    audio = read_audio(found, common_span(found))
    assert audio.clipped_share == pytest.approx(0.25, abs=0.001)
    assert audio.silent_share == pytest.approx(0.75, abs=0.05)
    assert np.array_equal(audio.samples, samples[0])
    assert audio.mix == "mono"


def test_segments_have_the_samples_of_the_whole(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "ts", "mov", "mpg"):
        spec = FlashFile(suffix=suffix, duration_s=6.0, flash_times_s=(0.5, 4.3, 5.1))
        found = probe(make_flash_file(tmp_path / f"a.{suffix}", spec).path)
        whole = read_audio(found, common_span(found)).samples
        start_s = found.video.start_s + 4.0
        part = read_audio(found, Span(start_s=start_s, num_frames=40)).samples
        expected = whole[64_000 : 64_000 + len(part)].astype(np.float64)
        lags = [
            float(expected[1000:-1000] @ part[1000 + lag : len(part) - 1000 + lag]) for lag in range(-20, 21)
        ]
        assert abs(int(np.argmax(lags)) - 20) <= 10  # Matroska dates packets to the millisecond
        assert np.abs(part).max() > 10_000


def test_broken_audio_is_noticed(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.ts", FlashFile(suffix="ts", flash_times_s=(0.5,)))
    data = bytearray(made.path.read_bytes())
    packets = [at for at in range(0, len(data), 188) if data[at + 1 : at + 3] in (b"\x01\x01", b"\x41\x01")]
    for at in packets[len(packets) // 4 : len(packets) // 2]:
        data[at + 30 : at + 188] = bytes(158)
    made.path.write_bytes(data)
    with pytest.raises(Rejected) as caught:
        found = probe(made.path)
        read_audio(found, common_span(found))
    assert caught.value.reason == "damaged"


def test_more_channels_than_planes_are_read(tmp_path: Path) -> None:
    """WavPack decodes to planes, here twelve; one channel speaks."""
    path = tmp_path / "a.mkv"
    channels = np.zeros((12, 48_000), np.float32)
    channels[4] = 0.5 * np.sin(2 * np.pi * 500 * np.arange(48_000) / 48_000)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("wavpack", rate=48_000, layout="12 channels")
        for _ in range(25):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(video.encode(None))
        packed = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(channels.T).reshape(1, -1), format="flt", layout="12 channels"
        )
        packed.sample_rate, packed.pts = 48_000, 0
        for block in av.AudioResampler(format=audio.codec_context.format, frame_size=4096).resample(packed):
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))
    found = probe(path)
    taken = read_audio(found, common_span(found))
    assert taken.source_channels == 12 and taken.mix == "BL"
    assert np.abs(taken.samples[2_000:10_000]).max() / 32_768 == pytest.approx(0.5, abs=0.01)
