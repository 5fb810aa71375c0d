"""Ending a run by a signal: nothing further is begun, and the next run continues from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assets.sample_corpus.corpus import make_sample_corpus
from assets.sample_corpus.settings import SampleCorpusSettings

CORPUS = SampleCorpusSettings(
    num_train_clips=1,
    num_val_clips=1,
    num_test_clips=1,
    num_pretrain_clips=0,
    lrw_words=("ABOUT",),
    num_lrw_clips_per_word=(2, 1, 1),
    num_hdtf_clips=0,
    num_hdtf_full_videos=0,
)


@pytest.mark.proof
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_not_just_its_step(tmp_path: Path, sign: signal.Signals) -> None:
    make_sample_corpus(tmp_path / "corpus", settings=CORPUS)
    (tmp_path / "cals.yaml").write_text(
        "datasets:\n  words: {layout: lrw, root: corpus/lrw, profile: tiny, num_buckets: 1, to: shards}\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "pipelines.cli.main", "run"]
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("faces of words"):
            break
    run.send_signal(sign)
    rest = run.stderr.read()
    assert run.wait(60) == 130
    assert "interrupted; finished work is kept" in rest
    assert "mels/words" not in rest and "Traceback" not in rest

    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "clips/words: never made" not in again.stderr
    assert (tmp_path / ".cals" / "shards" / "words" / "manifest.json").is_file()
