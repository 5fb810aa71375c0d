"""Of several audio tracks the one that was recorded with the video is used, and the row says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from av.stream import Disposition

from assets.clips.clip_rows import RawSource, source_rows
from assets.clips.settings import ClipsSettings
from assets.media.audio import read_audio
from assets.media.limits import ProbeLimits
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.raw_videos.layouts.source_clip import SourceClip
from pipelines.dubbing import dub_audio
from tests.support.audio_tracks import AudioTrack, tone_of, write_tracks

DEFAULT, COMMENT = Disposition.default, Disposition.comment
MAIN = 440.0
OTHER = 880.0

CASES = {
    "the first is a commentary": (
        [AudioTrack(tone_hz=OTHER, marks=COMMENT | DEFAULT), AudioTrack(tone_hz=MAIN)],
        None, "commentary",
    ),
    "the default is a description": (
        [AudioTrack(tone_hz=OTHER, marks=DEFAULT | Disposition.visual_impaired), AudioTrack(tone_hz=MAIN)],
        None, "description",
    ),
    "a title says commentary": (
        [AudioTrack(tone_hz=OTHER, marks=DEFAULT, title="Director's Commentary"), AudioTrack(tone_hz=MAIN)],
        None, "commentary",
    ),
    "the default is dubbed": (
        [AudioTrack(tone_hz=OTHER, marks=DEFAULT | Disposition.dub), AudioTrack(tone_hz=MAIN)],
        None, "dubbed",
    ),
    "one is the original": (
        [AudioTrack(tone_hz=OTHER, marks=DEFAULT), AudioTrack(tone_hz=MAIN, marks=Disposition.original)],
        None, "original",
    ),
    "one is in the video's language": (
        [AudioTrack(tone_hz=OTHER, marks=DEFAULT, language="ger"), AudioTrack(tone_hz=MAIN, language="eng")],
        "eng", "language of the video",
    ),
    "one is the default": (
        [AudioTrack(tone_hz=OTHER), AudioTrack(tone_hz=MAIN, marks=DEFAULT)],
        None, "default",
    ),
    "all are alike": (
        [AudioTrack(tone_hz=MAIN, language="eng"), AudioTrack(tone_hz=OTHER, language="eng")],
        "eng", "first",
    ),
    "the video's language is unknown": (
        [AudioTrack(tone_hz=OTHER, language="ger"), AudioTrack(tone_hz=MAIN, language="eng", marks=DEFAULT)],
        "und", "default",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_main_track_is_read(tmp_path: Path, name: str) -> None:
    tracks, video_language, why = CASES[name]
    path = write_tracks(tmp_path / "a.mkv", tracks, video_language=video_language)
    found = probe(path)
    assert tone_of(read_audio(found, common_span(found)).samples) == pytest.approx(MAIN, abs=2)
    assert found.audio.why is not None and why in found.audio.why
    assert tone_of(dub_audio.read_audio(path, ProbeLimits()).mono) == pytest.approx(MAIN, abs=2)


def test_the_row_says_which(tmp_path: Path) -> None:
    tracks = [AudioTrack(tone_hz=OTHER, marks=COMMENT), AudioTrack(tone_hz=MAIN)]
    write_tracks(tmp_path / "two.mkv", tracks)
    write_tracks(tmp_path / "one.mkv", tracks[:1])  # a commentary alone is all there is
    rows = [
        source_rows(
            RawSource(
                dataset="d",
                root=str(tmp_path),
                source=SourceClip(relative_path=name, split="train"),
                sha256=None,
            ),
            ClipsSettings(),
        )[0]
        for name in ("two.mkv", "one.mkv")
    ]
    why = "audio stream 2 of 2: the others are commentary, description or the like"
    assert [(row["audio_stream"], row["audio_stream_why"]) for row in rows] == [(2, why), (1, None)]


def test_one_sided_and_inverted_audio_keeps_its_level(tmp_path: Path) -> None:
    for name, gains, mix in (("left", (1.0, 0.0), "FL"), ("inverted", (1.0, -0.8), "difference")):
        path = write_tracks(tmp_path / f"{name}.mkv", [AudioTrack(tone_hz=MAIN, channels=gains)])
        found = probe(path)
        audio = read_audio(found, common_span(found))
        dubbed = dub_audio.read_audio(path, ProbeLimits())
        assert audio.mix == mix
        assert dubbed.taken == f"channels: {mix}"
        for samples in (audio.samples, dubbed.mono):
            assert abs(samples.astype(int)).max() == pytest.approx(16_384, rel=0.11), name
