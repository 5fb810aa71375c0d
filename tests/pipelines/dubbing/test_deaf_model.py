"""Models that do not follow the audio are rejected, by the last validation of their training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from assets.project.home import Home
from assets.project.settings import Project
from cals_models.config.training import TrainingConfig
from pipelines.dubbing.deaf_model import reject_deaf_model, trained_on
from pipelines.dubbing.dub import DubInputs
from pipelines.dubbing.run import run_dub
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import write_audio, write_model, write_synctalkface
from tests.support.array_frames import astronaut


def write_result(folder: Path, *, nearness: float, gain: float) -> None:
    metrics = {"reference_nearness": nearness, "audio_gain": gain}
    plain = {
        "figures": metrics,
        "shards": {"/a/shards/people": "0" * 64, "/a/shards/grid": "1" * 64},
        "steps": 700,
    }
    (folder / "result.json").write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("nearness", "gain", "words"),
    [
        (
            0.019,
            -0.01,
            "0.02 of the way .* at least 0.25.* brought -0.01 dB over another's .* at least 0.1 dB",
        ),
        (0.24, 1.0, "0.24 of the way"),
        (0.6, 0.09, "brought 0.09 dB"),
    ],
)
def test_a_deaf_model_is_rejected_with_the_metric_and_its_limit(
    tmp_path: Path, nearness: float, gain: float, words: str
) -> None:
    folder = write_model(tmp_path / "model")
    write_result(folder, nearness=nearness, gain=gain)
    with pytest.raises(ValueError, match=words + ".*--force-model") as caught:
        reject_deaf_model(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_a_model_that_listens_and_one_without_a_record_are_taken(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    reject_deaf_model(folder)
    assert trained_on(folder) == "with no training on record"
    write_result(folder, nearness=0.25, gain=0.1)
    reject_deaf_model(folder)
    assert trained_on(folder) == "trained on grid, people, 700 updates"
    adapted = write_model(tmp_path / "adapted")
    write_result(adapted, nearness=0.5, gain=0.5)
    (adapted / "job.json").write_text(json.dumps({"inputs": {"generator": str(folder)}}))
    own = "trained on grid, people, 700 updates"
    assert trained_on(adapted) == f"{own}, from a base {own}"
    (adapted / "job.json").write_text(json.dumps({"inputs": {"generator": str(tmp_path / "gone")}}))
    assert trained_on(adapted) == f"{own}, from a base with no training on record"


def test_a_dub_by_a_deaf_model_has_to_be_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    folder = write_model(tmp_path / "model")
    write_result(folder, nearness=0.019, gain=-0.01)
    photograph = tmp_path / "face.png"
    Image.fromarray(astronaut()).save(photograph)
    inputs = DubInputs(video=photograph, audio=write_audio(tmp_path / "a.wav", 0.2), out=tmp_path / "dub.mp4")
    with pytest.raises(ValueError, match="does not follow the audio"):
        run_dub(project, inputs, str(folder), DubSettings(), print)
    assert not inputs.out.exists()
    run_dub(project, inputs, str(folder), DubSettings(force_model=True), print)
    assert inputs.out.exists() and "trained on grid, people, 700 updates" in capsys.readouterr().out


def test_a_model_of_another_method_with_units_is_judged_and_dubs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    folder = write_synctalkface(tmp_path / "model")
    write_result(folder, nearness=0.24, gain=1.0)
    with pytest.raises(ValueError, match=r"0\.24 of the way"):
        reject_deaf_model(folder)
    write_result(folder, nearness=0.6, gain=1.0)
    photograph = tmp_path / "face.png"
    Image.fromarray(astronaut()).save(photograph)
    inputs = DubInputs(video=photograph, audio=write_audio(tmp_path / "a.wav", 0.2), out=tmp_path / "dub.mp4")
    run_dub(project, inputs, str(folder), DubSettings(), print)
    assert inputs.out.exists() and "synctalkface" in capsys.readouterr().out


def test_a_model_whose_settings_have_no_limits_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "model")
    write_result(folder, nearness=0.0, gain=0.0)
    monkeypatch.setattr(
        "pipelines.dubbing.deaf_model.model_config", lambda *_: TrainingConfig(steps=1, batch_samples=1)
    )
    reject_deaf_model(folder)
