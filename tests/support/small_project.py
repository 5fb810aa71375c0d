"""A small project of generated clips, run through the command line from raw videos to the report."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.sample_corpus.corpus import make_sample_corpus
from assets.sample_corpus.settings import SampleCorpusSettings

CORPUS = SampleCorpusSettings(
    num_train_clips=8,
    num_val_clips=2,
    num_test_clips=2,
    num_pretrain_clips=0,
    min_clip_s=1.3,
    max_clip_s=1.8,
    lrw_words=("ABOUT",),
    num_lrw_clips_per_word=(1, 1, 1),
    num_hdtf_clips=0,
    num_hdtf_full_videos=0,
)
METHODS = ["ground_truth", "copy_reference", "wav2lip", "cals"]
CONFIG = """
settings:
  sync_encoder: {steps: 6, validate_every_steps: 6, validation_clips: 2}
  lse_evaluator: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  audio_to_lip: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  generator: {steps: 4, validate_every_steps: 4, validation_clips: 2}
datasets:
  small: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 2, methods: [ground_truth, copy_reference, wav2lip, cals]}
  words: {layout: lrw, root: corpus/lrw, profile: tiny, num_buckets: 2}
"""


@dataclass(frozen=True)
class Workplace:
    """A folder with ``cals.yaml``, and the sources that its commands run from."""

    folder: Path
    sources: Path = Path(__file__).resolve().parents[2]

    @property
    def home(self) -> Path:
        return self.folder / ".cals"

    def cals(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(self.sources)},
            capture_output=True,
            text=True,
        )

    def must(self, *arguments: str) -> str:
        done = self.cals(*arguments)
        assert done.returncode == 0, f"cals {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "warehouse" / "cals.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def edit(self, old: str, new: str) -> None:
        path = self.folder / "cals.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def make_small_project(
    folder: Path, config: str = CONFIG, corpus: SampleCorpusSettings = CORPUS
) -> Workplace:
    """Makes the clips and ``cals.yaml``, and runs the dataset ``small`` to its end."""
    make_sample_corpus(folder / "corpus", settings=corpus)
    (folder / "cals.yaml").write_text(config)
    place = Workplace(folder)
    place.must("run", "--dataset", "small")
    return place
