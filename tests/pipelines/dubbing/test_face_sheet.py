"""``cals dub --faces``: an image of a video's faces, with the numbers that ``--face`` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.faces.settings import TrackSettings
from assets.project.home import Home
from assets.project.settings import Project
from pipelines.cli.main import make_parser
from pipelines.dubbing.face_sheet import GREY, LABEL_PX, THUMBNAIL_PX, THUMBNAILS, write_sheet
from pipelines.dubbing.run import run_sheet
from tests.pipelines.dubbing.dub_inputs import write_video
from tests.pipelines.dubbing.dub_outputs import no_bar
from tests.support.array_frames import astronaut

NUM_FRAMES = 75


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the right a bright face throughout, on the left a dark one that comes later."""
    bright = astronaut()[30:270, 60:300]
    dark = (bright[:, ::-1] * 0.55).astype(np.uint8)
    empty = np.full_like(dark, 90)
    frames = [np.concatenate([dark if k >= 20 else empty, bright], axis=1) for k in range(NUM_FRAMES)]
    return write_video(tmp_path_factory.mktemp("faces") / "v.mp4", frames)


def test_a_row_a_face_in_the_order_of_appearance(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    run_sheet(project, video, tmp_path / "sheet.png", None, print)
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("face 1: at x 3") and first.endswith(
        "px wide, 0.0-3.0 s, found in 100% of the frames"
    )
    assert second.startswith("face 2: at x ") and "-3.0 s, found in " in second
    share = float(second.split("found in ")[1].split("%")[0])
    assert 30 <= share <= 100 * 55 / 75 + 1
    assert last == f"{tmp_path}/sheet.png: 2 faces; choose with --face N"
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * THUMBNAIL_PX, LABEL_PX + THUMBNAILS * THUMBNAIL_PX, 3)
    rows = sheet[:THUMBNAIL_PX], sheet[THUMBNAIL_PX:]
    shown = [row[20:-20, LABEL_PX:].reshape(88, THUMBNAILS, THUMBNAIL_PX, 3)[:, :, 20:-20] for row in rows]
    levels = [[float(faces[:, place].mean()) for place in range(THUMBNAILS)] for faces in shown]
    assert min(levels[0]) > 1.5 * max(levels[1]), "thumbnails of the wrong face"
    assert all((row[:, :LABEL_PX] < 100).any() for row in rows) and (rows[0][:, :8] == GREY).all()


def test_each_bad_sheet_is_one_line(video: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (200, 160), (90, 120, 200)).save(blank)
    for given, sheet, words in [
        (video, tmp_path / "sheet.jpg", r"sheet\.jpg: the sheet of faces is a PNG"),
        (blank, blank, r"blank\.png: is the video; give another name"),
        (blank, tmp_path / "sheet.png", r"blank\.png: no face of 48 px"),
    ]:
        with pytest.raises(ValueError, match=words):
            write_sheet(given, sheet, TrackSettings(), no_bar, print)
    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    with pytest.raises(ValueError, match=r"none\.mp4: no such file"):
        run_sheet(project, tmp_path / "none.mp4", tmp_path / "sheet.png", None, print)
    with pytest.raises(ValueError, match="--model none/cals: neither a folder nor a registered generator"):
        run_sheet(project, video, tmp_path / "sheet.png", "none/cals", print)
    assert not (tmp_path / "sheet.png").exists()
    for options, words in [
        (
            ["--video", "v.mp4", "--audio", "a.wav"],
            "--faces and --audio: a sheet of faces is written without a dub",
        ),
        (["--video", "v.mp4", "--face", "1"], "--faces and --face"),
        ([], "lacking: --video; give the video"),
    ]:
        arguments = make_parser().parse_args(["dub", "--faces", "s.png", *options])
        with pytest.raises(ValueError, match=words):
            arguments.command(arguments)
