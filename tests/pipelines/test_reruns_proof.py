"""One thing is changed at a time: what reruns is exactly what it makes stale. On real clips, by the command line.

The program runs from a copy of the sources, so that they can be edited too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assets.project.home import Home
from assets.store import ledger
from tests.support.split_clips import add_clip

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("assets", "cals_models", "pipelines", "sql", "dagster.yaml", "workspace.yaml", "cals.yaml")
CLIPS_A_DATASET = 3
DATA_STAGES = {"clips", "face_tracks", "face_crops", "mels", "av_offsets", "shards"}
AFTER_MELS = ("mels", "av_offsets", "shards", "sync_encoder")
CONFIG = """
settings:
  sync_encoder: {steps: 2, validate_every_steps: 2, validation_clips: 1}
datasets:
  one: {layout: folder, root: one, profile: tiny, num_buckets: 1}
  two: {layout: folder, root: two, profile: tiny, num_buckets: 1}
"""


@dataclass
class Workplace:
    """A project, the sources that it runs from, and the ledger rows seen so far."""

    folder: Path
    seen: set[str] = field(default_factory=set)

    @property
    def home(self) -> Home:
        return Home(self.folder / ".cals")

    def cals(self, *arguments: str) -> str:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(self.folder / "sources"), "CALS_NUM_WORKERS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"cals {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, *arguments: str) -> set[str]:
        """What a run made, by its new rows in the ledger."""
        self.cals("run", *arguments)
        new = [row for row in ledger.read(self.home) if row["materialization_id"] not in self.seen]
        self.seen |= {row["materialization_id"] for row in new}
        labels = [f"{row['asset']}/{row['dataset']}" for row in new]
        assert len(labels) == len(set(labels)), "a partition was made twice"
        return set(labels)

    def stale(self, *arguments: str) -> dict[str, dict[str, Any]]:
        entries = json.loads(self.cals("stale", "--json", *arguments))
        return {f"{entry['asset']}/{entry['dataset']}": entry for entry in entries}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))

    def shards(self, dataset: str) -> dict[str, str]:
        paths = self.home.shards(dataset).glob("*.tar")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def of(dataset: str, stages: tuple[str, ...] | set[str]) -> set[str]:
    return {f"{stage}/{dataset}" for stage in stages}


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_exactly_what_is_stale_reruns(tmp_path: Path, grid_clips: list[Path]) -> None:
    for name in COPIED:
        source = PROJECT / name
        target = tmp_path / "sources" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for place, dataset in enumerate(("one", "two")):
        for number, split in enumerate(("train", "val", "test")):
            add_clip(tmp_path / dataset, grid_clips[place * CLIPS_A_DATASET + number], split)
    (tmp_path / "cals.yaml").write_text(CONFIG)
    place = Workplace(tmp_path)
    upto = ("--to", "sync_encoder")
    everything = {*DATA_STAGES, "sync_encoder"}
    assert place.run(*upto) == of("one", everything) | of("two", everything)
    assert place.stale(*upto) == {}

    # A comment edited: nothing.
    mel = "sources/assets/mels/mel.py"
    place.edit(
        mel, "    num_frames, rest = divmod(", "    # Whole frames only.\n    num_frames, rest = divmod("
    )
    assert place.stale(*upto) == {}

    # A mel function changed: mels and all that consumes them, in every dataset; crops untouched.
    place.edit(mel, ".log10_()", ".log10_().mul_(2)")
    stale = place.stale(*upto)
    assert stale.keys() == of("one", AFTER_MELS) | of("two", AFTER_MELS)
    assert stale["mels/one"]["cause"] == {
        "kind": "code_changed",
        "text": "code: assets.mels.mel.log_mel changed",
    }
    assert all(
        entry["cause"]["kind"] == "upstream_stale" for name, entry in stale.items() if "mels" not in name
    )
    place.edit(mel, ".log10_().mul_(2)", ".log10_()")
    assert place.stale(*upto) == {}

    # A setting changed and changed back without a run: nothing. With a run between: the first bytes again.
    first = place.shards("one")
    plain, other = "  one: {layout", "  one: {settings: {mels: {f_max_hz: 7000}}, layout"
    place.edit("cals.yaml", plain, other)
    stale = place.stale(*upto)
    assert stale.keys() == of("one", AFTER_MELS)
    assert stale["mels/one"]["cause"]["text"] == "settings: f_max_hz: 7600.0 -> 7000.0"
    assert stale["mels/one"]["estimated_s"] > 0
    place.edit("cals.yaml", other, plain)
    assert place.stale(*upto) == {}
    place.edit("cals.yaml", plain, other)
    made = place.run("--to", "shards")
    assert of("one", ("mels", "shards")) <= made <= of("one", AFTER_MELS[:-1])
    assert all(place.shards("one")[name] != digest for name, digest in first.items())
    place.edit("cals.yaml", other, plain)
    made = place.run(*upto)
    assert of("one", ("mels", "shards")) <= made <= of("one", AFTER_MELS[:-1]), (
        "the encoder has seen these shards"
    )
    assert place.shards("one") == first and place.stale(*upto) == {}

    # A learning rate changed: that model and what follows, no data stage.
    place.edit("cals.yaml", plain, "  one: {settings: {sync_encoder: {learning_rate: 0.0002}}, layout")
    assert place.stale(*upto).keys() == {"sync_encoder/one"}
    ready = {name for name, entry in place.stale("--dataset", "one").items() if entry["ready"]}
    assert "sync_encoder/one" in ready and not ready & of("one", DATA_STAGES)
    place.edit("cals.yaml", "  one: {settings: {sync_encoder: {learning_rate: 0.0002}}, layout", plain)

    # A clip added: that clip's work in each stage, one shard file, the models of that dataset, nothing of another.
    before = place.shards("two")
    add_clip(tmp_path / "two", grid_clips[2 * CLIPS_A_DATASET], "train")
    assert place.run(*upto) == of("two", everything)
    heads = ledger.heads(place.home)
    for stage in ("face_tracks", "face_crops", "mels"):
        assert json.loads(heads[(stage, "two", None)]["counts_json"])["computed"] == 1, stage
    after = place.shards("two")
    assert {name for name in after if after[name] != before[name]} == {"train-00000.tar"}

    # An upstream forced to run comes to the same: nothing below runs.
    assert place.run("--dataset", "one", *upto, "--force", "mels") == {"mels/one"}
