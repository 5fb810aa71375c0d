"""The audio as the model reads it and as it goes into the video."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from assets.media.limits import ProbeLimits
from assets.mels.mel import log_mel
from assets.mels.settings import MelSettings
from pipelines.dubbing import dub_audio
from pipelines.dubbing.dub_audio import dub_mel, output_blocks, read_audio
from tests.pipelines.dubbing.dub_inputs import write_audio


def test_length_rate_and_silence_after_the_end(tmp_path: Path) -> None:
    audio = read_audio(write_audio(tmp_path / "a.wav", 0.5, 44_100), ProbeLimits())
    assert audio.duration_s == pytest.approx(0.5, abs=1e-3) and (audio.rate_hz, audio.num_channels) == (
        44_100,
        1,
    )
    longer = np.concatenate(list(output_blocks(audio, 30_000)), axis=1)
    assert (
        longer.shape == (1, 30_000)
        and np.abs(longer[:, :22_000]).max() > 0.4
        and not longer[:, 22_060:].any()
    )
    assert sum(block.shape[1] for block in output_blocks(audio, 1000)) == 1000


def test_mel_in_pieces_is_the_mel_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mono = read_audio(write_audio(tmp_path / "a.wav", 1.0), ProbeLimits()).mono
    whole = log_mel((mono / np.float32(32768)).astype(np.float32), MelSettings())
    monkeypatch.setattr(dub_audio, "MEL_AT_ONCE_FRAMES", 7)
    assert np.abs(dub_mel(mono, 25, MelSettings()) - whole).max() < 5e-3
    assert dub_mel(mono, 30, MelSettings()).shape == (80, 120) and dub_mel(mono, 10, MelSettings()).shape == (
        80,
        40,
    )


def test_a_file_of_many_streams_is_not_read(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", 0.5)
    with pytest.raises(ValueError, match=r"a\.wav: 1 streams; at most 0 are read"):
        read_audio(path, SimpleNamespace(max_bytes=1 << 20, max_streams=0, max_duration_s=9.0))  # type: ignore[arg-type]
    many = tmp_path / "many.mkv"
    with av.open(str(many), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(201)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux(stream.encode(frame))
    with pytest.raises(ValueError, match=r"many\.mkv: 201 streams; at most 32 are read"):
        read_audio(many, ProbeLimits())
