"""The command ``cals dub``: what it prints, and which folders it rejects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.project.settings import Project
from assets.store.warehouse import publish, query
from pipelines.cli.main import make_parser
from pipelines.dubbing.dub import DubInputs
from pipelines.dubbing.run import run_dub
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import register_model, write_audio, write_model
from tests.support.array_frames import astronaut


def test_a_photograph_is_dubbed_and_bad_models_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    register_model(project.home, "made", "cals", 1000)
    photograph = tmp_path / "face.png"
    Image.fromarray(astronaut()).save(photograph)
    inputs = DubInputs(video=photograph, audio=write_audio(tmp_path / "a.wav", 0.2), out=tmp_path / "dub.mp4")
    publish(project.home)
    result = run_dub(project, inputs, None, DubSettings(), print)
    rows = query(
        project.home.database, "select dub_id, weights_sha256, num_frames, dubbed_at, seconds from dubs"
    )
    assert rows["dub_id"].tolist() == [result.dub_id] and rows["num_frames"].tolist() == [5]
    assert not rows.isna().any(axis=None)
    printed = capsys.readouterr().out
    assert (
        "model: made/cals, the newest registered cals generator" in printed and "real-time factor" in printed
    )
    assert "no speech found" not in printed, "0.2 s without speech are not worth a line"
    assert result.num_frames == 5 and inputs.out.stat().st_size > 1000
    inputs.out.unlink()
    damaged, other = write_model(tmp_path / "damaged"), write_model(tmp_path / "other")
    with (damaged / "model.safetensors").open("ab") as file:
        file.write(b"more")
    description = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**description, "stage": "sync_encoder"}))
    for model, words in [
        (damaged, "damaged"),
        (other, "expected 'generator'"),
        (tmp_path, "no readable model.json"),
    ]:
        with pytest.raises(ValueError, match=words):
            run_dub(project, inputs, str(model), DubSettings(), print)
    assert not inputs.out.exists()


def test_the_command_takes_its_options() -> None:
    given = make_parser().parse_args(
        ["dub", "--video", "v", "--audio", "a", "--out", "o.mp4", "--face", "2", "--fit", "loop", "--no-rest"]
    )
    assert (given.face, given.fit, given.model, given.mark) == ([2], "loop", None, False) and given.no_rest
