"""The worked example of a method: added to a copy of the project, it is planned, trained, generates and is in the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.sample_corpus.corpus import make_sample_corpus
from tests.cals_models.training.small_jobs import write_job
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.support.small_project import CORPUS, Workplace
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
    assert [name for name in partitions if name in every] == every
    assert "linear_mouth" in partitions  # a dataset has it where it lists it
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


TOY_CONFIG = """
settings:
  sync_encoder: {steps: 2, validate_every_steps: 2, validation_clips: 2}
  lse_evaluator: {steps: 2, validate_every_steps: 2, validation_clips: 2}
  audio_to_lip: {steps: 2, validate_every_steps: 2, validation_clips: 2}
  linear_mouth: {steps: 30, validate_every_steps: 15, validation_clips: 2, cells: 4}
datasets:
  small: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 2, methods: [copy_reference, linear_mouth]}
"""


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_method_of_its_own_is_trained_rendered_scored_and_printed(project: Path, tmp_path: Path) -> None:
    place = Workplace(tmp_path, project)
    make_sample_corpus(tmp_path / "corpus", settings=CORPUS)
    (tmp_path / "cals.yaml").write_text(TOY_CONFIG)
    place.must("run", "--dataset", "small")
    rows = place.ask(
        "select method, source, differs, num_clips, psnr is not null, lmd is not null or note is not null "
        "from table_3 where corpus = 'small' order by method"
    )
    assert rows == [
        ("copy_reference", "measured", None, 2, True, True),
        ("linear_mouth", "measured", "nobody published it", 2, True, True),
    ]
    assert place.ask("select method from table_1 where corpus = 'small'") == [("linear_mouth",)]
    frames = place.ask(
        "select audio, status from render_clips where dataset = 'small' and method = 'linear_mouth' order by 1, 2"
    )
    assert frames == [("other", "ok")] * 2 + [("own", "ok")] * 2
    page = (place.home / "report" / "small" / "index.html").read_text()
    assert "Linear mouth" in page and "nobody published it" in page
    place.must("export", "cards", "--dataset", "small")
    card = next((place.home / "models" / "small" / "generator" / "linear_mouth").glob("*/README.md"))
    assert "What differs from the published system of that name: nobody published it." in card.read_text()
    place.edit("cells: 4", "cells: 2")
    assert json.loads(place.must("stale", "--json"))[0]["cause"]["text"] == "settings: cells: 4 -> 2"
    place.edit("cells: 2", "cells: 4, window: 3")
    assert "settings.linear_mouth: no such key 'window'" in place.cals("stale").stderr
