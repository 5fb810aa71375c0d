"""A method's needs against shards, as the training process and the asset look at them before any work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cals_models.methods.method import Method
from cals_models.shards.shard_set import ShardSet
from cals_models.training.job import job_from_plain
from cals_models.training.needs import require_needs
from tests.cals_models.training.small_jobs import write_job
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.support import shard_sets
from tests.support.toy_method import ToyConfig, with_toy


@pytest.fixture(autouse=True)
def toy() -> Iterator[Method]:
    with with_toy() as method:
        yield method


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    """Each clip by another speaker."""
    folder = tmp_path_factory.mktemp("set")
    usual = shard_sets.facts_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            shard_sets, "facts_of", lambda clip_id, *rest: replace(usual(clip_id, *rest), speaker=clip_id)
        )
        shard_sets.make_shard_set(folder, num_clips={"train": 3, "val": 1, "test": 0})
    return ShardSet(folder / "shards")


def test_shards_with_labels_and_long_enough_clips_will_do(shards: ShardSet) -> None:
    clips = list(shards.clips("train"))
    assert len({clip.meta["speaker"] for clip in clips}) >= 2 and any(
        clip.meta.get("words") for clip in clips
    )
    require_needs("toy", ToyConfig(window_frames=25), [shards])
    require_needs("cals", ToyConfig(), [shards])


def test_windows_longer_than_the_clips(shards: ShardSet) -> None:
    with pytest.raises(
        ValueError, match=r"^method toy needs clips of 26 frames or more: the longest of made in"
    ):
        require_needs("toy", ToyConfig(window_frames=26), [shards])


def test_shards_without_labels(tmp_path: Path) -> None:
    bare = ShardSet(write_talking_shards(tmp_path / "bare"))
    with pytest.raises(
        ValueError, match=r"^method toy needs clips of 2 or more named speakers: the train clips of"
    ):
        require_needs("toy", ToyConfig(window_frames=5), [bare])


def test_a_job_takes_settings_and_inputs_of_its_method(tmp_path: Path) -> None:
    plain = {
        "stage": "generator", "method": "toy", "dataset": "made", "shards": ["s"], "config": {"window_frames": 9},
        "inputs": {"sync_encoder": "e", "audio_to_lip": "not read"},
    }  # fmt: skip
    job = job_from_plain(plain, where="job")
    assert job.config == ToyConfig(window_frames=9) and set(job.inputs) == {"sync_encoder"}
    with pytest.raises(ValueError, match=r"^job: toy\.widths: no such setting"):
        job_from_plain(plain | {"config": {"widths": [8]}}, where="job")
    with pytest.raises(ValueError, match=r"inputs\.sync_encoder is missing"):
        job_from_plain(plain | {"inputs": {}}, where="job")


def test_a_training_ends_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The toy has no training: its needs are looked at before what builds one is loaded."""
    from cals_models.training.__main__ import main

    bare = write_talking_shards(tmp_path / "bare")
    path = write_job(tmp_path / "job", "generator", bare, method="toy", inputs={"sync_encoder": tmp_path})
    path.write_text(path.read_text().replace('"config": {', '"config": {"window_frames": 5}, "unused": {'))
    plain = path.read_text()
    path.write_text(plain[: plain.index(', "unused"')] + plain[plain.index(', "inputs"') :])
    out = tmp_path / "out"
    assert main(["generator", "--config", str(path), "--out", str(out), "--device", "cpu", "--quiet"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "cals_models.training: error: method toy needs clips of 2 or more named speakers: the train clips of made name no "
        "speaker; leave toy out of datasets.made.methods"
    ]
