"""The sample corpus at crops of 256 px, from raw videos to the report and a dub; and base and train_on of another size."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from assets.media.encode import read_lossless
from cals_models.inference.lip_generator import load_generator
from cals_models.shards.shard_set import ShardSet
from tests.support.small_project import CORPUS, Workplace, make_small_project

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

SMALL = replace(CORPUS, num_train_clips=4, num_val_clips=2, num_test_clips=2, lrw_words=())
CONFIG = """
settings:
  face_crops: {crop_px: 256}
  sync_encoder: {steps: 4, validate_every_steps: 4, validation_clips: 2, batch_samples: 8}
  lse_evaluator: {steps: 4, validate_every_steps: 4, validation_clips: 2, batch_samples: 8}
  audio_to_lip: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  generator: {steps: 4, validate_every_steps: 4, validation_clips: 2}
  masked_audio: {max_clips: 1, mask_frames: [2]}
  context_window: {max_clips: 1, window_frames: [0, 2, 4, 8]}
datasets:
  small: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 1, methods: [ground_truth, cals]}
"""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A project whose first run is done."""
    return make_small_project(tmp_path_factory.mktemp("project"), CONFIG, SMALL)


def test_from_raw_videos_to_the_report_and_a_dub(workplace: Workplace, tmp_path: Path) -> None:
    shards = ShardSet(workplace.home / "shards" / "small")
    clip = next(shards.clips("test"))
    assert shards.crop_px == 256 and clip.frames([0]).shape == (1, 256, 256, 3)
    assert (clip.landmarks[:, 48:, 1] >= 128).all(), "a mouth reaches above row 128"
    folder = next((workplace.home / "models" / "small" / "generator" / "cals").glob("*/model.json")).parent
    assert load_generator(folder).crop_px == 256
    frames, _ = read_lossless(next((workplace.home / "renders" / "small" / "cals" / "own").glob("*.mkv")))
    assert frames.shape[1:] == (256, 256, 3)
    protocols = workplace.ask(
        "select distinct protocol, metric from clip_metrics where method = 'cals' and audio = 'own' order by all"
    )
    own_size = {metric for protocol, metric in protocols if protocol == "crop_256"}
    primary = {metric for protocol, metric in protocols if protocol == "primary"}
    assert own_size == primary - {"csim"} and own_size >= {"psnr", "ssim_mouth", "lmd"}
    assert ("lse_crop", "lse_d") in protocols
    page = (workplace.home / "report" / "small" / "index.html").read_text(encoding="utf-8")
    assert "The crops at their own size, 256 x 256 px" in page and page.count("<video") >= 1
    assert "nothing is stale: nothing to do" in workplace.must("run", "--dataset", "small")
    video = next((workplace.folder / "corpus" / "lrs2").rglob("*.mp4"))
    files = ("--video", str(video), "--audio", str(video), "--out", str(tmp_path / "dub.mp4"))
    told = workplace.must("dub", "--force-model", "--no-rest", "--model", "small", *files)
    assert re.search(r"the face's crop is \d+ px wide in the video, and was enlarged to the 256 px", told)


def test_a_dataset_of_another_size_is_one_line_before_any_work(workplace: Workplace) -> None:
    other = "  me: {layout: lrs2, root: corpus/lrs2, profile: tiny, KEY, methods: [cals], settings: {face_crops: {crop_px: 128}}}"
    config = workplace.folder / "cals.yaml"
    before = config.read_text()
    for key in ("base: small", "train_on: [small]"):
        config.write_text(before + other.replace("KEY", key) + "\n")
        done = workplace.cals("run", "--dataset", "me")
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
        assert "small has crops of 256 px, me of 128 px, and a generator (cals) draws one size" in done.stderr
    config.write_text(before)
