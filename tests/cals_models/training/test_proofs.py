"""Long proofs on real processes: killed and resumed, two processes against one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.cals_models.training.small_jobs import curve, write_job
from tests.cals_models.training.talking_shards import write_talking_shards

pytestmark = pytest.mark.proof

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(job: Path, stage: str, out: Path) -> list[str]:
    arguments = [stage, "--config", str(job), "--out", str(out), "--device", "cpu", "--quiet"]
    return ["-m", "cals_models.training", *arguments]


def finish(job: Path, stage: str, out: Path) -> None:
    subprocess.run([sys.executable, *command(job, stage, out)], check=True, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    shards = write_talking_shards(folder / "shards")
    sync, audio = folder / "sync_encoder", folder / "audio_to_lip"
    finish(write_job(folder / "j1", "sync_encoder", shards), "sync_encoder", sync)
    job = write_job(folder / "j2", "audio_to_lip", shards, inputs={"sync_encoder": sync})
    finish(job, "audio_to_lip", audio)
    return {"shards": shards, "sync_encoder": sync, "audio_to_lip": audio}


def make_job(folder: Path, stage: str, inputs: dict[str, Path], **settings: object) -> Path:
    given = {name: path for name, path in inputs.items() if name != "shards"}
    method = "cals" if stage == "generator" else None
    return write_job(folder, stage, inputs["shards"], method=method, inputs=given, **settings)


@pytest.mark.parametrize("stage", ["sync_encoder", "audio_to_lip", "generator"])
def test_killed_twice_the_curve_and_the_weights_are_the_same_bit_for_bit(
    stage: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    settings = {
        "steps": 24,
        "checkpoint_every_steps": 5,
        "validate_every_steps": 7,
        "frame_cache_bytes": 2**28,
    }
    job = make_job(tmp_path / "job", stage, inputs, **settings)
    finish(job, stage, tmp_path / "straight")
    killed = tmp_path / "killed"
    for kill_after in (8, 17):
        process = subprocess.Popen([sys.executable, *command(job, stage, killed)], env=ENVIRONMENT)
        while process.poll() is None and len(curve(killed)) < kill_after:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (killed / "result.json").exists()
    finish(job, stage, killed)
    assert curve(killed) == curve(tmp_path / "straight") and len(curve(killed)) == 24
    assert curve(killed, "val", "loss" if stage != "generator" else "psnr") == curve(
        tmp_path / "straight", "val", "loss" if stage != "generator" else "psnr"
    )
    assert (killed / "model.safetensors").read_bytes() == (
        tmp_path / "straight/model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("stage", ["sync_encoder", "audio_to_lip", "generator"])
def test_two_processes_have_the_curve_of_one_with_the_doubled_batch(
    stage: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    settings = {"steps": 10, "precision": "fp32", "learning_rate": 1e-4, "dropout": 0.0}
    if stage != "audio_to_lip":
        del settings["dropout"]
    finish(make_job(tmp_path / "j1", stage, inputs, batch_samples=4, **settings), stage, tmp_path / "one")
    job = make_job(tmp_path / "j2", stage, inputs, batch_samples=2, **settings)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(
        [sys.executable, *launch, *command(job, stage, tmp_path / "two")], check=True, env=ENVIRONMENT
    )
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "one"), rel=2e-3)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    distance = sum((one[name] - two[name]).square().sum() for name in one).sqrt()
    size = sum(tensor.square().sum() for tensor in one.values()).sqrt()
    assert distance < 2e-3 * size
    assert all(torch.isfinite(tensor).all() for tensor in two.values())
