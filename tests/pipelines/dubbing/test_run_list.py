"""``cals dub --list``: the table, its errors, and the dubs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.project.home import Home
from assets.project.settings import Project
from assets.store.warehouse import publish, query
from pipelines.cli.main import make_parser
from pipelines.dubbing import run
from pipelines.dubbing.job_list import read_jobs
from pipelines.dubbing.run_list import run_list
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import register_model, write_audio
from tests.support.array_frames import astronaut


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(astronaut()).save(tmp_path / "face.png")
    pair = np.concatenate([astronaut(), astronaut()[:, ::-1]], axis=1)
    Image.fromarray(pair).save(tmp_path / "pair.png")
    write_audio(tmp_path / "a.wav", 0.2)
    return tmp_path


def write_table(folder: Path, *lines: str) -> Path:
    table = folder / "jobs.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_good_rows_are_dubbed_and_bad_ones_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(config_path=folder / "cals.yaml", home=Home(folder / "home"), datasets={}, settings={})
    register_model(project.home, "made", "cals", 1000)
    publish(project.home)
    loaded = []
    monkeypatch.setattr(
        run, "load_model", lambda *given, load=run.load_model: loaded.append(1) or load(*given)
    )
    table = write_table(
        folder,
        "video,audio,out,model,face,fit",
        "face.png,a.wav,one.mp4,,,",
        "face.png,missing.wav,two.mp4,,,",
        "pair.png,a.wav,three.mp4,,,",
        "face.png,a.wav,three.avi,,,",
        "face.png,a.wav,a.wav/three.mp4,,,",
        "face.png,a.wav,three.mov,none/cals,,",
        'pair.png,a.wav,"four, five.mp4",made/cals,1 2,hold',
    )
    settings = DubSettings(force_model=True, rest=False)
    assert not run_list(project, table, None, settings, print)
    told = capsys.readouterr().out.splitlines()
    expected = f"not dubbed: {table}, line 3: {folder}/missing.wav: no such file"
    assert told[0].startswith(expected), "checked before any work"
    for at, words in [(1, "three.avi"), (2, "is no folder"), (3, "--model none/cals")]:
        assert told[at].startswith(f"not dubbed: {table}, line {4 + at}: ") and words in told[at]
    assert any(line.startswith(f"not dubbed: {table}, line 4: {folder}/pair.png: 2 faces") for line in told)
    assert f"dub 3 of 3, line 8: {folder}/four, five.mp4" in told
    assert told[-1] == f"5 of 7 rows of {table} were not dubbed; the lines above say why"
    rows = query(project.home.database, "select output_path, fit from dubs order by dubbed_at")
    assert rows["output_path"].tolist() == [str(folder / "one.mp4"), str(folder / "four, five.mp4")]
    assert rows["fit"].tolist() == ["trim", "hold"] and len(loaded) == 1
    (folder / "cast.csv").write_text("face,audio,from,to\n2,a.wav,,\n")
    table = write_table(folder, "video,audio,out,cast", "pair.png,,six.mp4,cast.csv")
    assert run_list(project, table, None, replace(settings, faces=(1,)), print)
    (cast,) = query(project.home.database, "select cast_json from dubs where cast_json is not null")[
        "cast_json"
    ]
    assert [(row["face"], row["audio"]) for row in json.loads(cast)] == [(2, str(folder / "a.wav"))]


def test_each_bad_table_is_one_line(folder: Path) -> None:
    for lines, words in [
        (
            ["video,audio"],
            r"jobs\.csv: the first line is video,audio; it names the columns video, audio, out and",
        ),
        (["video,audio,out,faces", "a,b,c,1"], "the first line is video,audio,out,faces"),
        (["video,audio,out"], "holds no rows"),
    ]:
        with pytest.raises(ValueError, match=words):
            read_jobs(write_table(folder, *lines))
    with pytest.raises(ValueError, match="No such file"):
        read_jobs(folder / "none.csv")
    (folder / "jobs.csv").write_bytes(b"video,audio,out\n\xff\xfe,a,b\n")
    with pytest.raises(ValueError, match="can't be read as CSV in UTF-8"):
        read_jobs(folder / "jobs.csv")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("face.png,a.wav", "more or fewer fields"),
        ("face.png,a.wav,b.mp4,,,,more", "more or fewer fields"),
        (",a.wav,b.mp4,,,", "video is empty"),
        ("none.png,a.wav,b.mp4,,,", r"none\.png: no such file"),
        ("face.png,a.wav,b.mp4,,0,", "face is '0'; give the numbers of faces, 1 or more"),
        ("face.png,a.wav,b.mp4,,1;2,", "face is '1;2'"),
        ("face.png,a.wav,b.mp4,,,stretch", "fit is 'stretch'; one of trim, loop, hold"),
        ("face.png,a.wav,first.mp4,,,", "line 2 writes it already"),
        ("face.png,a.wav,pair.png,,,", "an input of line 2"),
        ("face.png,a.wav,b.mp4,,,,cast.csv", "cast and audio are given; the cast names faces and audios"),
        ("pair.png,,b.mp4,,1,,cast.csv", "cast and face are given"),
        ("pair.png,,b.mp4,,,,none.csv", "none.csv: can't be read as CSV"),
        ("pair.png,,a.wav,,,,cast.csv", "an input of line 2"),
    ],
)
def test_each_bad_row_is_one_line(row: str, words: str, folder: Path) -> None:
    (folder / "cast.csv").write_text("face,audio,from,to\n2,a.wav,,\n")
    with_cast = row.count(",") == 6 and not row.endswith("more")
    columns, first = "video,audio,out,model,face,fit", "pair.png,a.wav,first.mp4,,,"
    if with_cast:
        columns, first = columns + ",cast", first + ","
    listed = read_jobs(write_table(folder, columns, first, row))
    assert len(listed.jobs) == 1 and len(listed.problems) == 1
    assert words.replace("\\", "") in listed.problems[0] and "jobs.csv, line 3: " in listed.problems[0]


def test_a_row_may_ask_for_the_speaker(folder: Path) -> None:
    table = write_table(
        folder, "video,audio,out,face", "pair.png,a.wav,b.mp4,speaker", "pair.png,a.wav,c.mp4,"
    )
    first, second = read_jobs(table).jobs
    assert (first.faces, first.speaker, second.faces, second.speaker) == ((), True, None, False)


def test_the_command_takes_a_table_or_three_files() -> None:
    for given, words in [
        (["--list", "jobs.csv", "--out", "o.mp4"], "--list and --out: the table names the files"),
        (["--video", "v.mp4"], "lacking: --audio, --out; give --video, --audio and --out, or --list"),
    ]:
        arguments = make_parser().parse_args(["dub", *given])
        with pytest.raises(ValueError, match=words):
            arguments.command(arguments)
