"""A flash and a beep at the same instant stay together, whatever the container, the rate and the stream starts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from assets.media.audio import read_audio
from assets.media.probe import probe
from assets.media.timeline import Span, common_span
from assets.media.video import read_ticks
from tests.support.avi_in_matroska import avi_to_matroska
from tests.support.media_files import FlashFile, make_flash_file, measure

RATES = [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50, Fraction(60000, 1001), 60]
# AVI counts frames and samples from 0, program streams count frames: there streams can't start at any time.
LATE_S = {"avi": (0.0,), "mpg": (0.0, 0.2)}
FURTHER = [
    FlashFile(suffix=suffix, audio_late_s=late_s)
    for suffix in ("vob", "asf", "ogv", "f4v", "3g2", "flv", "mxf")
    for late_s in (0.0, 0.2)
    if suffix != "mxf" or not late_s  # MXF can't hold a late start
]
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+delay_moov"}
NO_EDIT_LIST = {"use_editlist": "0"}
VARIABLE = tuple(
    float(t) for t in np.cumsum([0.0] + [[0.02, 0.05, 0.033, 0.1, 0.0167][i % 5] for i in range(70)])
)
SCREEN = tuple(t for t in np.arange(75) / 25 if not (0.9 < t < 1.5 or 1.7 < t < 2.2))

H264_IN_AVI = {
    "no_b_frames": {"preset": "ultrafast", "bf": "0"},
    "b_frames": {"preset": "ultrafast", "bf": "2"},
    "b_pyramid": {"preset": "fast", "bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0"},
    "open_gop": {"preset": "fast", "bf": "3", "g": "25", "x264-params": "b-adapt=0:open-gop=1"},
}
XVID_IN_AVI = {"b_frames": {"bf": "2"}, "short_gop": {"bf": "2", "g": "12"}}
AVI_WITHOUT_STAMPS = [
    FlashFile(suffix="avi", video_codec=codec, video_options=options)
    for codec, kinds in (("libx264", H264_IN_AVI), ("mpeg4", XVID_IN_AVI))
    for options in kinds.values()
]

# A flash is seen at the tick whose 40 ms hold its onset: half of them is the most it can be off; the beep is exact to
# the muxers' rounding (Matroska counts milliseconds).
FLASH_S = 0.0201
BEEP_S = 0.0016


def full_matrix() -> list[FlashFile]:
    files = []
    for suffix in ("mp4", "mov", "mkv", "webm", "ts", "mpg", "avi"):
        for late_s in LATE_S.get(suffix, (0.0, 0.2, -0.2)):
            files += [FlashFile(suffix=suffix, fps=Fraction(rate), audio_late_s=late_s) for rate in RATES]
            if suffix not in LATE_S:
                times = [VARIABLE, SCREEN]
                files += [FlashFile(suffix=suffix, frame_times_s=t, audio_late_s=late_s) for t in times]
    for mux in (FRAGMENTED, NO_EDIT_LIST):
        files += [FlashFile(mux=mux, audio_late_s=late_s) for late_s in (0.0, 0.2)]
    files += [FlashFile(mux=FRAGMENTED, audio_late_s=-0.2), FlashFile(video_codec="libx265")]
    files += [FlashFile(layout="5.1"), FlashFile(sample_rate_hz=8000, layout="mono"), FlashFile(rotation=90)]
    files += [FlashFile(suffix="mov", sample_rate_hz=rate) for rate in (11_025, 22_050, 32_000, 96_000)]
    return files


def quick_matrix() -> list[FlashFile]:
    """Every container, every rate and every way of starting late, though not all of them with all."""
    every_seventh = [spec for spec in full_matrix() if spec.fps == 25 and spec.frame_times_s is None]
    return (
        every_seventh
        + [FlashFile(fps=Fraction(rate)) for rate in RATES if rate != 25]
        + [
            FlashFile(suffix="mkv", frame_times_s=VARIABLE),
            FlashFile(suffix="mp4", frame_times_s=SCREEN),
        ]
    )


def name_of(spec: FlashFile) -> str:
    rate = "variable" if spec.frame_times_s else f"{float(spec.fps):.2f}fps"
    return (
        f"{spec.suffix}-{rate}-{spec.audio_late_s:+.1f}s-{spec.layout}-{spec.rotation}-{'-'.join(spec.mux)}"
    )


def errors_of(path: Path, spec: FlashFile) -> list[tuple[float, float]]:
    """How far each flash and each beep is from its true time, seconds."""
    made = make_flash_file(path / f"flash.{spec.suffix}", spec)
    found = probe(made.path)
    span = common_span(found)
    luma = [float(tick.frame.gray().mean()) for tick in read_ticks(found, span)]
    audio = read_audio(found, span)
    assert len(luma) == span.num_frames
    assert audio.samples.shape == (640 * span.num_frames,)
    start_s = span.start_s - found.video.start_s
    errors = []
    for true_s in made.flash_times_s:
        flash_s, beep_s = measure(audio.samples, luma, true_s - start_s)
        errors.append((flash_s - (true_s - start_s), beep_s - (true_s - start_s)))
    return errors


def check(path: Path, spec: FlashFile) -> None:
    for flash_s, beep_s in errors_of(path, spec):
        assert abs(flash_s) <= FLASH_S
        assert abs(beep_s) <= BEEP_S


@pytest.mark.parametrize("spec", [*quick_matrix(), *FURTHER], ids=name_of)
def test_flash_and_beep_stay_together(tmp_path: Path, spec: FlashFile) -> None:
    check(tmp_path, spec)


def shorter(spec: FlashFile) -> FlashFile:
    return spec if spec.frame_times_s else replace(spec, duration_s=2.0, flash_times_s=(0.8, 1.61))


@pytest.mark.proof
@pytest.mark.parametrize("spec", map(shorter, full_matrix()), ids=name_of)
def test_flash_and_beep_stay_together_everywhere(tmp_path: Path, spec: FlashFile) -> None:
    check(tmp_path, spec)


@pytest.mark.parametrize(
    "spec", AVI_WITHOUT_STAMPS, ids=lambda spec: f"{spec.video_codec}-{spec.video_options}"
)
def test_frames_without_time_stamps_are_at_their_places(tmp_path: Path, spec: FlashFile) -> None:
    """AVI counts frames in decoding order: all are there, in order, from 0 on, and none is late."""
    check(tmp_path, spec)
    found = probe(tmp_path / "flash.avi")
    assert (found.video.start_s, found.video.end_s, found.video.num_packets) == (0.0, 3.0, 75)
    ticks = list(read_ticks(found, common_span(found)))
    assert [tick.frame_s for tick in ticks] == pytest.approx([k / 25 for k in range(75)])
    assert [tick.frame_index for tick in ticks] == list(range(75))
    later = Span(start_s=2.4, num_frames=10)  # from where others are reached by seeking
    assert [tick.frame_index for tick in read_ticks(found, later)] == list(range(60, 70))


def test_video_from_avi_in_matroska_is_at_its_places(tmp_path: Path) -> None:
    spec = FlashFile(suffix="avi", video_options={"bf": "2"})
    made = make_flash_file(tmp_path / "a.avi", spec)
    found = probe(avi_to_matroska(made.path, tmp_path / "a.mkv"))
    assert found.video.placed
    span = common_span(found)
    luma = [float(tick.frame.gray().mean()) for tick in read_ticks(found, span)]
    samples = read_audio(found, span).samples
    assert len(luma) == 75
    for flash_s in made.flash_times_s:
        assert measure(samples, luma, flash_s) == pytest.approx((flash_s, flash_s), abs=BEEP_S)


def test_video_that_starts_late_without_an_edit_list(tmp_path: Path) -> None:
    """Such a file shows its first frame longer and keeps no exact start: flash and beep still agree."""
    for flash_s, beep_s in errors_of(tmp_path, FlashFile(mux=NO_EDIT_LIST, audio_late_s=-0.2)):
        assert abs(flash_s - beep_s) <= FLASH_S


def test_25_fps_gives_exactly_its_own_frames(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile())
    found = probe(made.path)
    ticks = list(read_ticks(found, common_span(found)))
    assert [tick.frame_index for tick in ticks] == list(range(75))
    assert not any(tick.repeated or tick.damaged for tick in ticks)


@pytest.mark.parametrize("rate", RATES)
def test_constant_rates_show_the_frame_of_the_middle_of_the_tick(
    tmp_path: Path, rate: Fraction | int
) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(fps=Fraction(rate)))
    found = probe(made.path)
    for tick in read_ticks(found, common_span(found)):
        assert tick.frame_s < tick.time_s + 0.02
        assert tick.frame_s + 1 / float(rate) > tick.time_s + 0.0189
        assert tick.frame_index == round(tick.frame_s * float(rate))


def test_repeated_ticks_share_their_frame(tmp_path: Path) -> None:
    made = make_flash_file(tmp_path / "a.mp4", FlashFile(fps=Fraction(10)))
    found = probe(made.path)
    ticks = list(read_ticks(found, common_span(found)))
    assert sum(tick.repeated for tick in ticks) == 75 - 30
    for before, tick in zip(ticks, ticks[1:], strict=False):
        assert tick.repeated == (tick.frame is before.frame)
