"""The worked example of a method: added to a copy of the project, it is planned, trained, generates and is in the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cals_models.training.small_jobs import write_job
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.support.worked_examples import carry_out, copy_project

PLAN = """
import json, sys
from pathlib import Path
from assets.project.settings import load_project
from assets.stage.partitions import methods
from assets.store.warehouse import publish, query

project = load_project(Path(sys.argv[1]))
rows = query(publish(project.home), "select method, label, position, is_control from method_definitions order by position, method")
print(json.dumps({
    "methods": {name: project.dataset(name).methods for name in ("named", "all")},
    "partitions": methods.get_partition_keys(),
    "table": rows.values.tolist(),
}))
"""
TRAIN_AND_GENERATE = """
import json, sys
from pathlib import Path
import torch
from cals_models.inference.lip_generator import load_generator
from cals_models.training.__main__ import main

folder = Path(sys.argv[1])
torch.set_num_threads(1)
for stage in ("sync_encoder", "audio_to_lip", "generator"):
    assert main([stage, "--config", str(folder / f"{stage}_job/config.json"), "--out", str(folder / stage), "--device", "cpu", "--quiet"]) == 0
generator = load_generator(folder / "generator")
crops = torch.zeros(10, 128, 128, 3, dtype=torch.uint8)
frames = generator.render(crops, crops, torch.full((80, 40), -3.0))
print(json.dumps({"method": generator.method, "shape": list(frames.shape), "dtype": str(frames.dtype)}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("method") / "cals")
    carry_out("A method", folder)
    return folder


def run(project: Path, code: str, argument: Path) -> dict[str, object]:
    environment = {**os.environ, "PYTHONPATH": str(project), "CALS_HOME": str(project / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(argument)], cwd=project, env=environment, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_dataset_takes_it_and_tables_name_it(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "cals.yaml"
    config.write_text(
        "datasets:\n"
        "  named: {layout: folder, root: videos, profile: tiny, methods: [a2l_dvv, cals]}\n"
        "  all: {layout: folder, root: videos, profile: tiny}\n"
    )
    answer = run(project, PLAN, config)
    every = ["ground_truth", "copy_reference", "wav2lip", "a2l", "a2l_dav", "a2l_dvv", "cals"]
    assert answer["methods"] == {"named": ["a2l_dvv", "cals"], "all": every}
    partitions = answer["partitions"]
    assert isinstance(partitions, list)
    assert [
        name for name in partitions if name in every
    ] == every  # others are trained only where they are listed
    table = answer["table"]
    assert isinstance(table, list)
    assert [row[0] for row in table if row[0] in every] == every
    assert ["a2l_dvv", "+ visual-visual sync loss", 8, False] in table


def test_a_generator_is_trained_and_generates(project: Path, tmp_path: Path) -> None:
    shards = write_talking_shards(tmp_path / "shards", num_clips={"train": 3, "val": 1, "test": 1})
    for stage, needs, method in (
        ("sync_encoder", (), None),
        ("audio_to_lip", ("sync_encoder",), None),
        ("generator", ("sync_encoder", "audio_to_lip"), "a2l_dvv"),
    ):
        inputs = {name: tmp_path / name for name in needs}
        sync = {"sync_switch_on_nearness": 0} if stage == "generator" else {}
        write_job(tmp_path / f"{stage}_job", stage, shards, method=method, inputs=inputs, steps=2, **sync)
    answer = run(project, TRAIN_AND_GENERATE, tmp_path)
    assert answer == {"method": "a2l_dvv", "shape": [10, 128, 128, 3], "dtype": "torch.uint8"}
    lines = [
        json.loads(line) for line in (tmp_path / "generator" / "progress.jsonl").read_text().splitlines()
    ]
    trained = [line["metrics"] for line in lines if line.get("split") == "train"]
    assert len(trained) == 2
    assert all("d_vv" in metrics and "d_av" not in metrics for metrics in trained)
