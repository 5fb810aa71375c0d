"""A person's video becomes a model by one command, dubs by it, is up to date, and leaves no trace when it is forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.sample_corpus.settings import SampleCorpusSettings
from tests.support.small_project import Workplace, make_small_project

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

CONFIG = """
settings:
  sync_encoder: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  audio_to_lip: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  generator: {steps: 4, validate_every_steps: 4, validation_clips: 2, batch_samples: 1}
datasets:
  small: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 1, methods: [cals], to: generator}
"""
CORPUS = SampleCorpusSettings(
    num_train_clips=4, num_val_clips=2, num_test_clips=1, num_pretrain_clips=0, min_clip_s=1.3, max_clip_s=1.6,
    lrw_words=("ABOUT",), num_lrw_clips_per_word=(1, 1, 1), num_hdtf_clips=0, num_hdtf_full_videos=0,
)  # fmt: skip
VIDEO = "swiz3n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A base, trained briefly."""
    return make_small_project(tmp_path_factory.mktemp("adapted"), CONFIG, CORPUS)


def dub(place: Workplace, video: Path, audio: Path) -> list[str]:
    """The lines of `cals dub --adapt`; after so few updates the model is deaf."""
    return place.must(
        "dub", "--adapt", "0.001", "--base", "small", "--video", str(video), "--audio", str(audio),
        "--out", "dub.mp4", "--force-model",
    ).splitlines()  # fmt: skip


def stale(place: Workplace) -> dict[str, str]:
    found = json.loads(place.cals("stale", "--json").stdout)
    return {
        "/".join(filter(None, (p["asset"], p["dataset"], p["method"]))): p["cause"]["text"] for p in found
    }


def test_a_video_is_adapted_to_dubbed_and_forgotten(place: Workplace, shared_data: Path) -> None:
    speakers = shared_data / "grid_speakers"
    video, audio = speakers / f"{VIDEO}.mpg", speakers / "bbaf2n.mpg"
    lines = dub(place, video, audio)
    assert lines[0] == f"{VIDEO}: cals of small, 50 more updates on {video.name}"
    (model,) = [line for line in lines if line.startswith("model: ")]
    assert model.startswith(
        f"model: {VIDEO}/cals, the current model of {VIDEO}/cals, trained on small, {VIDEO}, 50 updates, from a base trained on"
    )
    assert (place.folder / "dub.mp4").stat().st_size > 10_000
    assert stale(place) == {}
    trained = place.ask("select asset, dataset, weights_sha256 from models")
    weights = {(asset, dataset): sha256 for asset, dataset, sha256 in trained}
    for kept in ("sync_encoder", "audio_to_lip"):
        assert weights[kept, VIDEO] == weights[kept, "small"], "taken from the base as it is"
    assert weights["generator", VIDEO] != weights["generator", "small"]

    again = dub(place, video, audio)
    assert again[0] == f"{VIDEO}: {video.name} is adapted to already, from small"
    rows = place.ask("select model_dataset, weights_sha256 from dubs")
    assert rows == [(VIDEO, weights["generator", VIDEO])] * 2
    assert place.ask("select count(*) from materializations where asset = 'generator'") == [(2,)]

    (clip_id,) = {row[0] for row in place.ask(
        f"select clip_id from shard_clips where dataset = '{VIDEO}' and split = 'train'")}  # fmt: skip
    told = json.loads(place.must("forget", clip_id, "--reason", "withdrawn", "--json"))
    assert {model["dataset"] for model in told["models"]} == {VIDEO}, "no model of the base read it"
    assert len(told["marked"]) == 1 and told["marked"][0].startswith("cals-generator/")
    assert told["notes"] == [], "the models that were taken over are not marked"
    left = stale(place)
    assert f"clips/{VIDEO}" in left and f"generator/{VIDEO}/cals" in left
    assert not any("/small" in label for label in left)
    assert place.cals("run", "--dataset", VIDEO).returncode == 1, "it has no clip left"
    assert f"note: {VIDEO}: no clip is left, so that nothing of it" in place.must("gc", "--yes")
    assert not list((place.home / "adapted").rglob("video*")), "the copy of the video is gone"
    rejected = place.cals(
        "dub", "--adapt", "1", "--video", str(video), "--audio", str(audio), "--out", "o.mp4"
    )
    assert rejected.returncode == 1 and "was forgotten (cals forget)" in rejected.stderr

    settings = place.folder / "cals.yaml"
    settings.write_text(settings.read_text().split(f"  {VIDEO}:")[0])
    place.must("gc", "--yes")
    for folder in ("adapted", "shards", "stages/face_crops", "stages/mels"):
        assert not (place.home / folder / VIDEO).exists(), folder
    assert stale(place) == {}
