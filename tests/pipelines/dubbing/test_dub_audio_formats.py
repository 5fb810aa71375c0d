"""Audio as it comes: formats, layouts, rates that change, and time stamps."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from assets.media.limits import ProbeLimits
from pipelines.dubbing.audio_formats import AUDIO_FORMATS
from pipelines.dubbing.dub_audio import DubAudio, output_blocks, read_audio
from tests.support.audio_files import AudioKind, loud_spans, tones, write_kind
from tests.support.media_files import FlashFile, make_flash_file

SPANS = ((0.1, 0.3), (0.6, 0.8))
# Codecs without a record of their delay play everything this much later, at most.
CODEC_DELAY_S = 0.03

KINDS = {
    "a.aiff": AudioKind(muxer="aiff", codec="pcm_s16be", rate_hz=44_100),
    "a.aifc": AudioKind(muxer="aiff", codec="pcm_alaw", rate_hz=8_000, layout="mono"),
    "a.caf": AudioKind(muxer="caf", codec="pcm_s24be"),
    "a.w64": AudioKind(muxer="w64", codec="pcm_s16le"),
    "a.au": AudioKind(muxer="au", codec="pcm_mulaw", rate_hz=8_000, layout="mono"),
    "a.amr": AudioKind(muxer="amr", codec="libopencore_amrnb", rate_hz=8_000, layout="mono"),
    "a.3gp": AudioKind(muxer="3gp", codec="libopencore_amrnb", rate_hz=8_000, layout="mono"),
    "a.ac3": AudioKind(muxer="ac3", codec="ac3", layout="5.1"),
    "a.eac3": AudioKind(muxer="eac3", codec="eac3"),
    "a.flac": AudioKind(muxer="flac", codec="flac", rate_hz=96_000),
    "a.opus": AudioKind(muxer="ogg", codec="libopus"),
    "a.oga": AudioKind(muxer="ogg", codec="flac"),
    "a.mp3": AudioKind(muxer="mp3", codec="libmp3lame", rate_hz=44_100),
    "a.mp2": AudioKind(muxer="mp2", codec="mp2", rate_hz=44_100),
    "a.aac": AudioKind(muxer="adts", codec="aac", rate_hz=44_100),
    "a.latm": AudioKind(muxer="latm", codec="aac", rate_hz=44_100),
    "a.m4a": AudioKind(muxer="ipod", codec="aac", rate_hz=44_100),
    "alac.m4a": AudioKind(muxer="ipod", codec="alac", rate_hz=44_100),
    "a.mka": AudioKind(muxer="matroska", codec="libopus"),
    "a.webm": AudioKind(muxer="webm", codec="libopus"),
    "a.ts": AudioKind(muxer="mpegts", codec="mp2"),
    "8bit.wav": AudioKind(muxer="wav", codec="pcm_u8", rate_hz=22_050, layout="mono"),
    "24bit.wav": AudioKind(muxer="wav", codec="pcm_s24le"),
    "32bit.wav": AudioKind(muxer="wav", codec="pcm_s32le", layout="mono"),
    "float.wav": AudioKind(muxer="wav", codec="pcm_f32le"),
    "double.wav": AudioKind(muxer="wav", codec="pcm_f64le"),
    "rf64.wav": AudioKind(muxer="wav", codec="pcm_s16le", options={"rf64": "always"}),
    "adpcm.wav": AudioKind(muxer="wav", codec="adpcm_ima_wav", rate_hz=22_050),
    "a.tta": AudioKind(muxer="tta", codec="tta", rate_hz=44_100),
    "a.wv": AudioKind(muxer="wv", codec="wavpack", rate_hz=44_100),
    "a.voc": AudioKind(muxer="voc", codec="pcm_u8", rate_hz=25_000, layout="mono"),
    "a.sox": AudioKind(muxer="sox", codec="pcm_s32le", rate_hz=44_100),
    "a.sf": AudioKind(muxer="ircam", codec="pcm_s16le", rate_hz=44_100),
    "a.g722": AudioKind(muxer="g722", codec="g722", rate_hz=16_000, layout="mono"),
    "a.sbc": AudioKind(muxer="sbc", codec="sbc"),
    "a.aptx": AudioKind(muxer="aptx", codec="aptx"),
    "a.spdif": AudioKind(muxer="spdif", codec="ac3"),
    "a.nut": AudioKind(muxer="nut", codec="pcm_s16le"),
}


def read(path: Path) -> DubAudio:
    return read_audio(path, ProbeLimits())


def tones_of(audio: DubAudio) -> list[list[tuple[float, float]]]:
    """Where the tones are in what the model reads, and in what goes into the video."""
    blocks = list(output_blocks(audio, round(audio.duration_s * audio.rate_hz)))
    written = np.concatenate(blocks, axis=1)
    assert len(written) == audio.num_channels
    return [loud_spans(audio.mono / 32768, 16_000), loud_spans(written[-1], audio.rate_hz)]


def assert_tones(audio: DubAudio, spans: list[tuple[float, float]], within_s: float = 2e-3) -> None:
    for found in tones_of(audio):
        assert len(found) == len(spans), found
        assert np.ravel(found) == pytest.approx(np.ravel(spans), abs=within_s)


@pytest.mark.parametrize("name", KINDS)
def test_a_format(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    audio = read(write_kind(tmp_path / name, kind, tones(1.0, kind.rate_hz, SPANS)))
    assert_tones(audio, list(SPANS), within_s=CODEC_DELAY_S)
    assert np.abs(audio.mono).max() / 32768 == pytest.approx(0.5, abs=0.1) and audio.is_as_given
    assert audio.duration_s == pytest.approx(1.0, abs=0.05)


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp3"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        wave = tones(1.0, 44_100, SPANS)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert_tones(read(path), list(SPANS))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            AudioKind(muxer="adts", codec="aac", rate_hz=44_100),
            AudioKind(muxer="adts", codec="aac", layout="mono"),
        ),
        (
            AudioKind(muxer="ac3", codec="ac3", rate_hz=44_100),
            AudioKind(muxer="ac3", codec="ac3", rate_hz=32_000),
        ),
        (
            AudioKind(muxer="ogg", codec="flac", rate_hz=44_100),
            AudioKind(muxer="ogg", codec="flac", layout="mono"),
        ),
        (AudioKind(muxer="mpegts", codec="aac", rate_hz=44_100), AudioKind(muxer="mpegts", codec="aac")),
    ],
    ids=lambda kind: f"{kind.muxer}-{kind.rate_hz}-{kind.layout}",
)
def test_rates_and_layouts_that_change(first: AudioKind, second: AudioKind, tmp_path: Path) -> None:
    parts = [write_kind(tmp_path / "part", kind, tones(1.0, kind.rate_hz, SPANS)) for kind in (first,)]
    whole = (
        parts[0].read_bytes()
        + write_kind(tmp_path / "part", second, tones(1.0, second.rate_hz, SPANS)).read_bytes()
    )
    path = tmp_path / "both"
    path.write_bytes(whole)
    audio = read(path)
    length_s = audio.duration_s / 2
    spans = [(a + at, b + at) for at in (0, length_s) for a, b in SPANS]
    assert_tones(audio, spans, within_s=0.04)
    assert f"{second.rate_hz} Hz {second.layout} from 1.0" in audio.taken and not audio.is_as_given
    assert audio.rate_hz == 48_000


def test_a_gap_is_silence(tmp_path: Path) -> None:
    for name, kind in {
        "a.mka": AudioKind(muxer="matroska", codec="pcm_s16le"),
        "a.m4a": AudioKind(muxer="ipod", codec="aac", rate_hz=44_100),
        "a.ts": AudioKind(muxer="mpegts", codec="mp2"),
    }.items():
        path = write_kind(tmp_path / name, kind, tones(1.0, kind.rate_hz, SPANS), starts_s=(0.0, 1.5))
        audio = read(path)
        assert_tones(audio, [(0.1, 0.3), (1.6, 1.8)], within_s=0.012)
        assert "1.00 s of gaps kept as silence (1.00 s at 0.5" in audio.taken, name


def test_an_edit_list_that_starts_late_is_silence(tmp_path: Path) -> None:
    kind = AudioKind(muxer="ipod", codec="aac", rate_hz=44_100)
    audio = read(write_kind(tmp_path / "a.m4a", kind, tones(1.0, 44_100, SPANS), starts_s=(1.0,)))
    assert_tones(audio, [(1.1, 1.3), (1.6, 1.8)])
    assert (
        "starts late: 0.98 s of silence" in audio.taken
    )  # the encoder's 1,024 priming samples fill the rest


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("late_s", [0.4, -0.3])
def test_the_audio_of_a_video_keeps_its_place(suffix: str, late_s: float, tmp_path: Path) -> None:
    made = make_flash_file(
        tmp_path / f"a.{suffix}",
        FlashFile(suffix=suffix, duration_s=2.0, flash_times_s=(0.8, 1.6), audio_late_s=late_s),
    )
    audio = read(made.path)
    assert_tones(audio, [(at_s, at_s + 0.04) for at_s in made.flash_times_s], within_s=0.012)
    words = (
        r"starts late: 0\.(38|40) s of silence"
        if late_s > 0
        else r"0\.3[02] s before the first video frame left out"
    )
    assert re.search(words, audio.taken), audio.taken


def test_overlaps_are_cut_and_second_recordings_follow(tmp_path: Path) -> None:
    kind = AudioKind(muxer="mpegts", codec="mp2")
    first = write_kind(tmp_path / "part.ts", kind, tones(1.0, 48_000, SPANS)).read_bytes()
    path = tmp_path / "both.ts"
    for start_s, spans, words in [
        (0.7, [(0.1, 0.3), (0.6, 0.8), (1.3, 1.5)], " s that came twice left out"),
        (5.0, [(0.1, 0.3), (0.6, 0.8), (5.1, 5.3), (5.6, 5.8)], " s of gaps kept as silence (3.9"),
        (60.0, [(0.1, 0.3), (0.6, 0.8), (1.1, 1.3), (1.6, 1.8)], "time stamps jump by +59.0 s at 1.01 s"),
    ]:
        second = write_kind(
            tmp_path / "part.ts", kind, tones(1.0, 48_000, SPANS), starts_s=(start_s,)
        ).read_bytes()
        path.write_bytes(first + second)
        audio = read(path)
        for found in tones_of(audio):
            found = [span for span in found if span[1] - span[0] > 0.05]
            assert np.ravel(found) == pytest.approx(np.ravel(spans), abs=0.02)
        assert words in audio.taken


@pytest.mark.parametrize("num_channels", [3, 6, 12, 20])
def test_channels_without_names(num_channels: int, tmp_path: Path) -> None:
    samples = np.zeros((48_000, num_channels), np.float32)
    samples[:, 2] = tones(1.0, 48_000, SPANS)
    soundfile.write(tmp_path / "a.wav", samples, 48_000)
    audio = read(tmp_path / "a.wav")
    assert_tones(audio, list(SPANS))
    assert audio.taken == "channels: channel 3" and audio.num_channels == 2


def test_inverted_stereo_is_read(tmp_path: Path) -> None:
    wave = tones(1.0, 48_000, SPANS)
    soundfile.write(tmp_path / "a.aiff", np.stack([wave, -wave], axis=1), 48_000)
    audio = read(tmp_path / "a.aiff")
    assert_tones(audio, list(SPANS))
    assert audio.taken == "channels: difference" and not audio.is_as_given


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    wave = tones(1.0, 16_000, [(0.1, 0.8)])
    wave[8000:8160], wave[12_000] = np.nan, np.inf
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    audio = read(tmp_path / "a.wav")
    assert_tones(audio, [(0.1, 0.8)])
    assert not audio.mono[8000:8160].any() and "161 samples are no numbers: silence there" in audio.taken


def test_formats_that_open_other_files_are_not_read(tmp_path: Path) -> None:
    opens_others = {
        "hls",
        "dash",
        "concat",
        "image2",
        "sdp",
        "rtsp",
        "lavfi",
        "webm_dash_manifest",
        "tedcaptions",
    }
    assert not opens_others & set(AUDIO_FORMATS.split(","))
    playlist = tmp_path / "a.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(
        ValueError, match=r"a\.m3u8: FFmpeg can't open it: its format is none of those"
    ) as caught:
        read(playlist)
    assert "\n" not in str(caught.value) and "Invalid argument" not in str(caught.value)
