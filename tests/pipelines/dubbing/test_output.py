"""What a dub is written as, what it keeps of the source, and what it says about the rest."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from pipelines.cli.main import main
from pipelines.dubbing.dub import DubInputs
from pipelines.dubbing.output_folder import check_folder, check_room
from pipelines.dubbing.output_format import check_output, container_of
from pipelines.dubbing.pixel_format import writable_format
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import frame_of, write_audio
from tests.pipelines.dubbing.dub_outputs import NUM_FRAMES, dubbed, write_rich

EVERY = tuple(f"yuv{c}p{b}" for c in ("420", "422", "444") for b in ("", "10le"))


def planes(path: Path) -> list[list[np.ndarray]]:
    """The planes of each frame."""
    with av.open(str(path)) as container:
        return [
            [
                np.frombuffer(p, np.uint8 if "10" not in f.format.name else np.uint16)
                .reshape(-1, p.line_size // (1 if "10" not in f.format.name else 2))[: p.height, : p.width]
                .copy()
                for p in f.planes
            ]
            for f in container.decode(video=0)
        ]


@pytest.mark.parametrize(
    ("pixel_format", "settings", "name", "codec"),
    [
        ("yuv420p", {}, "dub.mp4", "h264"),
        ("yuv420p10le", {}, "dub.mp4", "hevc"),
        ("yuv422p10le", {"codec": "h264"}, "dub.mov", "h264"),
        ("yuv444p", {"codec": "hevc"}, "dub.mkv", "hevc"),
        ("yuv420p10le", {"codec": "av1"}, "dub.mp4", "av1"),
    ],
)
def test_bits_and_chroma_stay(
    tmp_path: Path, pixel_format: str, settings: dict[str, object], name: str, codec: str
) -> None:
    video = write_rich(tmp_path / "v.mp4", pixel_format)
    result = dubbed(video, write_audio(tmp_path / "a.wav", 0.48), tmp_path / name, **settings)
    with av.open(str(result.out)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.codec.canonical_name == codec
        assert {"mkv": "matroska"}.get(name[4:], name[4:]) in container.format.name
    assert len(frames) == NUM_FRAMES and {frame.format.name for frame in frames} == {pixel_format}
    before, after = planes(video)[5], planes(result.out)[5]
    unit = 4 if "10" in pixel_format else 1
    for source, shown in zip(before, after, strict=True):
        right = source.shape[1] * 260 // 400
        assert np.abs(source[:, right:].astype(int) - shown[:, right:]).mean() < 2 * unit
    change = np.abs(before[0].astype(int) - after[0]) > 40 * unit
    rows, columns = np.nonzero(change)
    assert np.abs(np.array([rows.mean() - 152, columns.mean() - 182])).max() < 12, "the mouth is elsewhere"
    assert result.frame_changes is None and (": " not in result.written)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_without_loss_all_pixels_but_the_mouths_are_the_sources(
    tmp_path: Path, codec: str, pixel_format: str
) -> None:
    video = write_rich(tmp_path / "v.mp4", pixel_format)
    audio = write_audio(tmp_path / "a.wav", 0.48)
    result = dubbed(video, audio, tmp_path / "dub.mp4", codec=codec, lossless=True)
    for before, after in zip(planes(video), planes(result.out), strict=True):
        for source, shown in zip(before, after, strict=True):
            changed = np.argwhere(source != shown) * (320 / source.shape[0])
            assert len(changed) > 100, "no mouth was drawn"
            assert changed[:, 0].min() > 100 and changed[:, 0].max() < 215
            assert changed[:, 1].min() > 125 and changed[:, 1].max() < 235
    assert result.written.endswith("without loss")


@pytest.mark.parametrize("name", ["dub.mkv", "dub.mp4"])
def test_tracks_chapters_and_texts_are_kept_or_named(tmp_path: Path, name: str) -> None:
    video = write_rich(tmp_path / "v.mkv")
    result = dubbed(video, write_audio(tmp_path / "a.wav", 0.44), tmp_path / name)
    in_mkv = name.endswith("mkv")
    with av.open(str(result.out)) as container:
        languages = [s.metadata.get("language", "und") for s in container.streams.audio]
        assert languages == ["und", "deu"]
        assert [bool(s.disposition & 1) for s in container.streams.audio][1:] == [False]
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
        ends = [float(chapter["end"] * chapter["time_base"]) for chapter in container.chapters()]
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        assert len(container.streams.subtitles) == in_mkv
        assert [s.name for s in container.streams if s.type == "attachment"] == ["font.ttf"] * in_mkv
        packets = list(container.demux(container.streams.audio[1]))
        if in_mkv:
            container.seek(0)
            (text,) = (p for p in container.demux(container.streams.subtitles[0]) if p.size)
            assert (bytes(text), float(text.pts * text.time_base)) == (b"Hello", 0.2)
    assert titles == ["One", "Two"] and ends == [0.4, 0.44]
    assert metadata["title"] == "A film (Synthetic video: dubbed)" and metadata["artist"] == "Me"
    assert json.loads(metadata["comment"])["synthetic"]
    with av.open(str(video)) as container:
        source = [bytes(p) for p in container.demux(container.streams.audio[1]) if p.size and p.pts >= 0]
    copied = [bytes(p) for p in packets if p.size]
    assert copied == source[: len(copied)] and 0.4 < len(copied) * 1024 / 44_100 < 0.48
    told = {"audio track 2 (aac, deu)", "2 chapters"}
    others = {"subtitles 3 (subrip, eng)", "attachment font.ttf"}
    assert set(result.kept) == told | (others if in_mkv else set())
    assert set(result.dropped) == {"the source's comment"} | (
        set() if in_mkv else {f"{other}: mp4 can't hold it, mkv may" for other in others}
    )
    assert result.fit_changes == (), "a frame less is no news"


def test_what_is_trimmed_looped_or_held_is_told(tmp_path: Path) -> None:
    video = write_rich(tmp_path / "v.mp4")
    short, long = write_audio(tmp_path / "a.wav", 0.28), write_audio(tmp_path / "b.wav", 0.96)
    told = {
        (audio, fit): dubbed(video, audio, tmp_path / "dub.mp4", fit=fit).fit_changes
        for audio, fit in ((short, "trim"), (long, "trim"), (long, "loop"), (long, "hold"))
    }
    assert told == {
        (short, "trim"): (
            "the video's last 0.20 s are left out: the audio ends before (--fit hold keeps them)",
        ),
        (long, "trim"): ("the audio's last 0.48 s are left out: the video ends before (--fit loop or hold)",),
        (long, "loop"): ("the video is shown 2.0 times",),
        (long, "hold"): ("the last frame is held for 0.48 s",),
    }


@pytest.mark.parametrize(
    ("pixel_format", "sideways", "allowed", "expected", "told"),
    [
        ("yuv422p", False, EVERY, "yuv422p", []),
        ("yuv422p", True, EVERY, "yuv444p", ["chroma 4:2:2 became 4:4:4"]),
        ("yuv444p10le", False, ("yuv420p", "yuv420p10le"), "yuv420p10le", ["chroma 4:4:4 became 4:2:0"]),
        ("yuv420p12le", False, EVERY, "yuv420p10le", ["12 bits a sample became 10"]),
        ("rgb24", False, EVERY, "yuv420p", ["RGB became YUV 4:2:0 (BT.709)"]),
        ("yuv411p", False, EVERY, "yuv422p", ["chroma 4:1:1 became 4:2:2"]),
        ("yuva420p", False, EVERY, "yuv420p", ["transparency left out"]),
        ("nv12", False, EVERY, "yuv420p", []),
        ("yuvj422p", False, EVERY, "yuv422p", []),
        ("gray", False, EVERY, "yuv420p", []),
    ],
)
def test_formats_that_cannot_stay_are_told(
    pixel_format: str, sideways: bool, allowed: tuple[str, ...], expected: str, told: list[str]
) -> None:
    assert writable_format(frame_of(pixel_format), allowed, is_sideways=sideways) == (expected, told)


def test_what_cannot_be_written_is_one_line_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, container, words in [
        ("o.avi", None, r"ends in \.mp4, \.mkv or \.mov"),
        ("o.mp4", "mkv", "the name says mp4, --container says mkv"),
    ]:
        with pytest.raises(ValueError, match=words):
            container_of(tmp_path / name, container)
    assert container_of(tmp_path / "o.x", "mkv") == "mkv" and container_of(tmp_path / "O.MOV", None) == "mov"
    for settings, kind, signed, words in [
        (DubSettings(codec="av1"), "mov", False, "av1 can't be put into mov; choose mp4 or mkv"),
        (DubSettings(quality_crf=60), "mp4", False, r"--quality 60: auto takes 0 \(best\) to 51"),
        (DubSettings(), "mkv", True, "C2PA manifest is put into mp4 only, not mkv"),
        (DubSettings(codec="av1", lossless=True), "mp4", False, "the av1 encoder changes some pixels"),
        (DubSettings(lossless=True, quality_crf=3), "mp4", False, "give one of them"),
    ]:
        with pytest.raises(ValueError, match=words):
            check_output(kind, settings, is_signed=signed)
    check_output("mkv", DubSettings(codec="av1", quality_crf=60), is_signed=False)
    (tmp_path / "file").touch()
    for out, words in [
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "o.mp4", "file is no folder"),
        (Path("/proc/o.mp4"), "can't be written to|disk of /proc is full"),
    ]:
        with pytest.raises(OSError, match=words):
            check_folder(out)
    with pytest.raises(OSError, match=r"may take \d+ MiB, the disk of .* has \d+"):
        check_room(tmp_path / "o.mp4", 10**15, lossless=False)
    check_folder(tmp_path / "new" / "o.mp4")
    assert not (tmp_path / "new").exists()
    with pytest.raises(SystemExit) as left:
        main(["dub", "--video", "v", "--audio", "a", "--out", "o.mp4", "--lossless", "--quality", "3"])
    assert left.value.code == 2 and "not allowed with" in capsys.readouterr().err
    with pytest.raises(ValueError, match="one of the inputs"):
        (tmp_path / "v.mkv").touch()
        DubInputs(video=tmp_path / "v.mkv", audio=tmp_path / "a.wav", out=tmp_path / "v.mkv")
