"""The table of ``cals dub --cast``: its errors are one line each, with the row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cli.main import make_parser
from pipelines.dubbing.cast_table import Cast, CastLine, read_cast
from pipelines.dubbing.place_audio import place_audio
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo, open_source
from tests.pipelines.dubbing.dub_inputs import write_audio, write_video
from tests.support.array_frames import astronaut


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of video, and audios of 1 s and 3 s."""
    folder = tmp_path_factory.mktemp("cast")
    write_audio(folder / "one.wav", 1.0)
    write_audio(folder / "three.wav", 3.0)
    (folder / "text.wav").write_text("no audio\n" * 50)
    write_video(folder / "v.mp4", [astronaut()] * 50)
    return folder


@pytest.fixture(scope="module")
def source(folder: Path) -> SourceVideo:
    return open_source(folder / "v.mp4", DubSettings().limits)


def write_cast(folder: Path, *rows: str, columns: str = "face,audio,from,to,audio_from") -> Path:
    path = folder / "cast.csv"
    path.write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return path


def test_rows_are_read_with_their_times(folder: Path) -> None:
    cast = read_cast(
        write_cast(folder, "1,one.wav,,,", "2,three.wav,0:00.5,1:02.25,1.5", "2,,62.25,63,", ",one.wav,1,2,")
    )
    assert cast == Cast(
        path=folder / "cast.csv",
        lines=(
            CastLine(line=2, face=1, audio=folder / "one.wav", start_s=0, end_s=None, audio_start_s=None),
            CastLine(line=3, face=2, audio=folder / "three.wav", start_s=0.5, end_s=62.25, audio_start_s=1.5),
            CastLine(line=4, face=2, audio=None, start_s=62.25, end_s=63, audio_start_s=None),
            CastLine(line=5, face=None, audio=folder / "one.wav", start_s=1, end_s=2, audio_start_s=None),
        ),
    )
    assert cast.audios == (folder / "one.wav", folder / "three.wav")
    without = read_cast(write_cast(folder, "1,one.wav,0,1", columns="face,audio,from,to"))
    assert without.lines[0].audio_start_s is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,one.wav,0"], "line 2: has more or fewer fields"),
        ([",,0,1,"], "line 2: names neither a face nor an audio"),
        (["0,one.wav,0,1,"], "line 2: face is '0'; give the number of a face, 1 or more"),
        (["left,one.wav,0,1,"], "line 2: face is 'left'"),
        (["1,one.wav,0,1,", "1,none.wav,1,2,"], "line 3: {folder}/none.wav: no such file"),
        (["1,one.wav,soon,1,"], "line 2: from is 'soon'; give seconds, as 62.5, or minutes and seconds"),
        (["1,one.wav,-1,1,"], "line 2: from is '-1'"),
        (["1,one.wav,1,1,"], "line 2: to is 1, from is 1; a stretch ends after its start"),
        (["1,,0,1,2"], "line 2: audio_from is 2, but there is no audio"),
        (["1,one.wav,0,1,", "2,one.wav,0,1,", "1,three.wav,0.5,4,"], "line 4: face 1 is in line 2 at 0:00.5 already"),
        (["1,one.wav,1,2,", "1,one.wav,0,1.5,"], "line 3: face 1 is in line 2 at 0:01 already"),
        ([",one.wav,0,1,"], "cast.csv: no row names a face"),
        (["1,,0,1,"], "cast.csv: no row names an audio"),
        ([], "cast.csv: holds no rows; give one for each audio that a face speaks"),
    ],
)  # fmt: skip
def test_each_bad_row_is_one_line_before_any_work(folder: Path, rows: list[str], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_cast(write_cast(folder, *rows))
    assert words.format(folder=folder) in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(folder / "cast.csv"))


def test_a_bad_table_is_one_line(folder: Path) -> None:
    with pytest.raises(
        ValueError, match=r"the first line is face,audio,start; it names the columns face, audio, from, to"
    ):
        read_cast(write_cast(folder, columns="face,audio,start"))
    with pytest.raises(ValueError, match=r"none\.csv: can't be read as CSV in UTF-8: No such file"):
        read_cast(folder / "none.csv")


def place(
    folder: Path, source: SourceVideo, *rows: str, fit: str = "trim"
) -> list[tuple[float, float, float, float]]:
    """From, to, start in the audio, and left out, of each row."""
    placed = place_audio(read_cast(write_cast(folder, *rows)), source, DubSettings(fit=fit))  # type: ignore[arg-type]
    return [
        (one.span.start_s, one.span.end_s, one.audio_start_s, pytest.approx(one.left_out_s, abs=1e-3)) for one in placed
    ]  # fmt: skip


def test_stretches_end_with_their_audio_or_the_video(folder: Path, source: SourceVideo) -> None:
    assert place(folder, source, "1,one.wav,0.5,,", "2,,1,,") == [(0.5, 1.5, 0, 0), (1, 2, 0, 0)]
    assert place(folder, source, "1,one.wav,0.5,,0.75") == [(0.5, 0.75, 0.75, 0)]
    assert place(folder, source, "1,three.wav,0.5,2,0.25") == [(0.5, 2, 0.25, 1.25)], (
        "a part that is asked for"
    )
    assert place(folder, source, "1,three.wav,0,,", "2,,1,,", fit="loop") == [(0, 3, 0, 0), (1, 3, 0, 0)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,text.wav,0,1,"], "line 2: {folder}/text.wav: "),
        (["1,one.wav,0,1,1.5"], "line 2: audio_from is 0:01.5, {folder}/one.wav ends at 0:01; give an earlier time"),
        (["1,three.wav,0,1.5,"], "line 2: {folder}/three.wav lasts 3.00 s, its stretch 1.50 s; leave to empty"),
        (["1,one.wav,0,1,", "1,one.wav,1.5,,"], "line 3: lasts from 0:01.5 to 0:02.5, the video until 0:02; give"),
        (["1,,9,10,", "2,one.wav,0,1,"], "line 2: lasts from 0:09 to 0:10, the video until 0:02"),
        (["1,one.wav,0,1,", "2,,2,,"], "line 3: from is 0:02, where the dub is over"),
        (["1,one.wav,0,,", "1,one.wav,0.9,1.9,"], "line 3: face 1 is in line 2 at 0:00.9 already"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(
    folder: Path, source: SourceVideo, rows: list[str], words: str
) -> None:
    with pytest.raises(ValueError) as caught:
        place(folder, source, *rows)
    assert words.format(folder=folder) in str(caught.value) and "\n" not in str(caught.value)


def test_the_command_takes_a_cast_in_place_of_audio_and_face() -> None:
    for given, words in [
        (["--cast", "c.csv", "--audio", "a.wav"], "--cast and --audio: the table names faces and audios"),
        (["--cast", "c.csv", "--face", "1"], "--cast and --face"),
        (["--cast", "c.csv", "--list", "l.csv"], "--list and --cast"),
        (["--cast", "c.csv", "--video", "v.mp4"], "lacking: --out; give"),
    ]:
        arguments = make_parser().parse_args(["dub", *given])
        with pytest.raises(ValueError, match=words):
            arguments.command(arguments)
