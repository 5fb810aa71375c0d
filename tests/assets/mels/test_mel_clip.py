"""The audio of a clip: its columns, the rejections, and its alignment with the video frames."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.probe import ProbeLimits
from assets.mels.mel_clip import MELS_SCHEMA, MelPayload, compute_mels, mel_columns
from assets.mels.settings import MelSettings
from assets.workers.rejected import Rejected

SETTINGS = MelSettings()


def tone(num_frames: int, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(640 * num_frames) / 16_000
    return np.round(32_767 * level * np.sin(2 * np.pi * 330 * time_s)).astype(np.int16)


def test_columns_hold_the_mel_and_the_samples() -> None:
    columns = mel_columns(tone(10), SETTINGS)
    told = {"missing_share", "mix", "source_channels", "other_tracks"}
    assert set(columns) == {*MELS_SCHEMA.names, "digest"} - told
    assert columns["num_frames"] == 10
    mel = np.frombuffer(columns["mel"], np.float16).reshape(80, 40)
    assert np.isfinite(mel).all() and np.argmax(mel.mean(axis=1)) < 20
    np.testing.assert_array_equal(np.frombuffer(columns["pcm"], np.int16), tone(10))
    assert columns["digest"] == hashlib.sha256(columns["mel"] + columns["pcm"]).hexdigest()
    assert columns["peak"] == pytest.approx(0.3, abs=1e-3)
    assert columns["rms"] == pytest.approx(0.3 / np.sqrt(2), abs=1e-3)
    assert (columns["silent_share"], columns["clipped_share"]) == (0, 0)


def test_the_same_audio_has_the_same_digest() -> None:
    assert mel_columns(tone(10), SETTINGS)["digest"] == mel_columns(tone(10), SETTINGS)["digest"]
    assert mel_columns(tone(10), SETTINGS)["digest"] != mel_columns(tone(10, 0.31), SETTINGS)["digest"]


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_is_rejected_with_the_share(level: float) -> None:
    with pytest.raises(Rejected) as rejection:
        mel_columns(tone(10, level), SETTINGS)
    assert (rejection.value.stage, rejection.value.reason) == ("mels", "silent_audio")
    assert "100.0%" in rejection.value.detail and "-66 dBFS" in rejection.value.detail
    mel_columns(tone(10, 1e-2), SETTINGS)


def test_a_word_in_silence_is_kept() -> None:
    audio = np.zeros(25 * 640, np.int16)
    audio[8_000:9_600] = tone(25)[8_000:9_600]
    assert mel_columns(audio, SETTINGS)["silent_share"] == pytest.approx(0.9, abs=0.02)


def test_clipping_is_rejected() -> None:
    overdriven = np.clip(tone(10, 0.9).astype(np.int32) * 4, -32_768, 32_767).astype(np.int16)
    with pytest.raises(Rejected, match="clipped_audio"):
        mel_columns(overdriven, SETTINGS)
    lightly = np.clip(tone(10, 0.9).astype(np.int32) * 112 // 100, -32_768, 32_767).astype(np.int16)
    assert 0 < mel_columns(lightly, SETTINGS)["clipped_share"] <= SETTINGS.max_clipped_share


def write_video(path: Path, pcm: np.ndarray, num_frames: int) -> None:
    """A black 25 fps video with uncompressed audio."""
    with av.open(path, "w", format="mov") as container:
        video = container.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        audio = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        block = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        block.sample_rate, block.pts = 16_000, 0
        container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def test_a_clip_of_a_file_has_its_part_of_the_audio(tmp_path: Path) -> None:
    audio = np.zeros(50 * 640, np.int16)
    click = 30 * 640 + 1_000
    audio[click] = 30_000
    audio += np.random.default_rng(0).integers(-300, 300, len(audio)).astype(np.int16)
    write_video(tmp_path / "a.mov", audio, 50)
    payload = MelPayload(
        path=str(tmp_path / "a.mov"), start_s=0.8, num_frames=25, limits=ProbeLimits(), settings=SETTINGS
    )
    columns = compute_mels(payload, frozenset({"mels"}))["mels"]
    assert not isinstance(columns, Rejected)
    assert set(columns) == {*MELS_SCHEMA.names, "digest"}
    np.testing.assert_array_equal(np.frombuffer(columns["pcm"], np.int16), audio[20 * 640 : 45 * 640])
    energy = np.frombuffer(columns["mel"], np.float16).reshape(80, 100).astype(np.float32).sum(axis=0)
    assert abs(int(energy.argmax()) * 0.010 - (click / 16_000 - 0.8)) <= 0.010


def test_a_file_without_video_is_rejected(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.mp4"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(tone(10).tobytes())
    payload = MelPayload(
        path=str(tmp_path / "a.mp4"), start_s=0.0, num_frames=10, limits=ProbeLimits(), settings=SETTINGS
    )
    with pytest.raises(Rejected, match="no_video_stream"):
        compute_mels(payload, frozenset({"mels"}))
