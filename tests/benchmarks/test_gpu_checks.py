"""The script of GPU checks, whole, on the CPU: with only the packages that it names, and in two commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assets.project.code_version import PROJECT_ROOT
from cals_models.networks.generator_files import read_any_model
from cals_models.networks.portable_model import joined_weights
from tests.cals_models.training.small_jobs import ALWAYS, SMALL
from tests.cals_models.training.talking_shards import write_talking_shards

SCRIPT = PROJECT_ROOT / "tests" / "benchmarks" / "gpu_checks.py"
# What the project uses elsewhere, and a rented machine need not have.
ABSENT = ("simplejpeg", "soundfile", "tqdm", "torchmetrics", "python_speech_features", "scipy", "av", "cv2", "pandas",
          "PIL", "dagster", "mlflow", "duckdb", "pyarrow", "torchvision", "skimage", "dlib", "ruamel")  # fmt: skip
SETTINGS = {
    **{stage: {**values, **ALWAYS, "steps": 2} for stage, values in SMALL.items()},
    "lse_evaluator": {**ALWAYS, "steps": 2, "batch_samples": 4, "samples_per_clip": 2, "width_factor": 0.03},
}


def command(*arguments: str, without: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(without or "")}
    words = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(words, capture_output=True, text=True, env=environment, cwd="/")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder that, first on the path, makes the absent packages absent."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ABSENT:
        (folder / f"{name}.py").write_text(f"raise ImportError('No module named {name}')")
    return folder


def test_it_says_what_it_will_check() -> None:
    done = command("--plan")
    assert done.returncode == 0
    for words in (
        "cals: PSNR: at least 33.2 dB",
        "below 5 % of the step",
        "LMD: at most 1.18 px",
        "(at home",
    ):
        assert words in done.stdout


def test_wrong_input_gets_one_line(tmp_path: Path) -> None:
    done = command("--shards", str(tmp_path), "--out", str(tmp_path / "out"), "--device", "cpu")
    assert done.returncode == 2 and "no manifest.json there" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.proof
@pytest.mark.timeout(1_800)
def test_all_of_it_runs_on_a_bare_machine_and_goes_on_where_it_stopped(tmp_path: Path, bare: Path) -> None:
    shards = write_talking_shards(
        tmp_path / "shards", num_clips={"train": 3, "val": 2, "test": 2}, num_frames=30
    )
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(SETTINGS))
    out = tmp_path / "out"
    words = [
        "--shards",
        str(shards),
        "--out",
        str(out),
        "--device",
        "cpu",
        "--profile",
        "tiny",
        "--settings",
        str(settings),
    ]
    first = command(*words, "--minutes", "0.3", without=bare)
    assert first.returncode == 3, first.stderr
    assert "run it again" in first.stdout
    for _ in range(12):
        last = command(*words, "--minutes", "1", without=bare)
        if last.returncode != 3:
            break
    assert last.returncode == 0, last.stdout + last.stderr
    results = json.loads((out / "home" / "results.json").read_text())
    models = {"sync_encoder", "lse_evaluator", "audio_to_lip", "generator-wav2lip", "generator-cals"}
    assert set(results["trainings"]) == models
    for name, facts in results["trainings"].items():
        assert facts["steps"] == 2 and facts["samples_per_s"] > 0 and 0 <= facts["data_wait_share"] <= 1
        folder = out / "home" / name
        (folder / "model.safetensors").write_bytes(joined_weights(folder))
        assert read_any_model(folder, name.split("-")[0]).weights
    assert all(
        path.stat().st_size <= 16_000_000
        for path in (out / "home").rglob("*")
        if path.name != "model.safetensors"
    )
    assert (
        set(results["scores"]) == {"wav2lip", "cals"} and results["scores"]["cals"]["psnr"]["num_clips"] == 2
    )
    assert results["speeds"]["render_frames_per_s"]["cals/auto/25"] > 0
    assert results["clip_offsets"]["num_clips"] == 2 and results["decoded"]["clips"] == 7
    by_name = {check["name"]: check for check in results["checks"]}
    assert by_name["cals: PSNR"]["passed"] is False and by_name["cals: LMD"]["passed"] is None
    with np.load(next((out / "home" / "renders-cals").glob("own-*.npz"))) as render:
        assert render["mouth"].shape == (30, 64, 128, 3) and render["mouth"].dtype == np.uint8
    told = json.loads((out / "home" / "cals_settings.json").read_text())
    assert told["profile"] == "tiny" and told["settings"]["generator"]["steps"] == 2
