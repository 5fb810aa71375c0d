"""Trainings on crops of 256 px: from shards to generated frames, and models of another size than the shards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.inference.lip_generator import load_generator
from cals_models.networks.portable_model import make_portable
from cals_models.shards.shard_set import ShardSet
from cals_models.training.job import TrainingJob, read_job
from cals_models.training.stage import TrainingStage
from cals_models.training.stages import build_stage
from cals_models.training.synctalkface import build_stage as build_synctalkface
from tests.cals_models.training.small_jobs import ALWAYS, train_by_hand, write_job
from tests.cals_models.training.talking_shards import (
    NUM_FRAMES,
    face_landmarks,
    talking_clip,
    write_talking_shards,
)
from tests.cals_models.training.test_audio2head import stage_of as audio2head_stage
from tests.cals_models.training.test_pc_avs import stage_of as pc_avs_stage
from tests.cals_models.training.test_stages import ALONE, overfit


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(
        tmp_path_factory.mktemp("shards"), num_clips={"train": 3, "val": 2}, crop_px=256
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Path:
    """Folder of a sync encoder and of a Wav2Lip generator, trained by the command line for a few steps."""
    folder = tmp_path_factory.mktemp("models")
    sync = folder / "sync_encoder"
    assert train_by_hand(write_job(folder / "j1", "sync_encoder", shards), sync) == 0
    job = write_job(folder / "j2", "generator", shards, method="wav2lip", inputs={"sync_encoder": sync})
    assert train_by_hand(job, folder / "wav2lip") == 0
    return folder


def test_a_model_knows_the_size_that_it_draws(models: Path, tmp_path: Path) -> None:
    make_portable(models / "wav2lip", tmp_path / "portable")
    for folder in (models / "wav2lip", tmp_path / "portable"):
        generator = load_generator(folder)
        assert generator.crop_px == 256
        frames, mel = (torch.from_numpy(array) for array in talking_clip(5, 12, 256))
        reference = frames[:1].expand(12, -1, -1, -1)
        generated = generator.render(frames, reference, mel)
        assert generated.shape == (12, 256, 256, 3)
        assert torch.equal(generated[:, :128], frames[:, :128])
        spoilt = frames.clone()
        spoilt[:, 128:] = 255 - spoilt[:, 128:]
        assert torch.equal(generated, generator.render(spoilt, reference, mel))
        with pytest.raises(ValueError, match=r"expected \(12, 256, 256, 3\) uint8"):
            generator.render(frames[:, ::2, ::2], reference[:, ::2, ::2], mel)


def test_a_model_without_a_size_draws_128_px(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "wav2lip", tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    plain = json.loads(path.read_text())
    assert plain.pop("crop_px") == 256
    path.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match="the weights are another network's"):
        load_generator(tmp_path / "model")
    path.write_text(json.dumps({**plain, "crop_px": 192}))
    with pytest.raises(ValueError, match=r"model\.json: crop_px is 192; expected 128 or 256"):
        load_generator(tmp_path / "model")


def test_the_sync_encoder_is_one_network_for_both_sizes(models: Path, tmp_path: Path) -> None:
    job = write_job(
        tmp_path / "job",
        "sync_encoder",
        write_talking_shards(tmp_path / "small", num_clips={"train": 3, "val": 2}),
    )
    assert train_by_hand(job, tmp_path / "sync") == 0
    large, small = (
        load_file(folder / "model.safetensors") for folder in (models / "sync_encoder", tmp_path / "sync")
    )
    assert {name: w.shape for name, w in large.items()} == {name: w.shape for name, w in small.items()}


def test_generator_overfits_one_batch(models: Path, shards: Path, tmp_path: Path) -> None:
    """With streamed clips, whose frames the expert is given at 128 px."""
    job = write_job(
        tmp_path,
        "generator",
        shards,
        method="wav2lip",
        inputs={"sync_encoder": models / "sync_encoder"},
        steps=1000,
        learning_rate=3e-3,
        widths=[16] * 6,
        finest_maps="half",
        clip_gradient_norm=10.0,
        clip_cache_bytes=0,
    )
    stage = build_stage(read_job(job), ALONE, [ShardSet(shards)])
    batch = stage.draw(0)
    assert batch["frames"].shape[2:] == (256, 256, 3) and batch["lower_frames"].shape[2:] == (64, 128, 3)
    first, last = overfit(stage, 30, metric="l1")
    assert last < 0.6 * first


@pytest.mark.parametrize("method", ["synctalkface", "pc_avs"])
def test_the_other_methods_draw_256_px(models: Path, shards: Path, method: str) -> None:
    """One update, and the size in model.json."""
    sets, inputs = [ShardSet(shards)], {"sync_encoder": models / "sync_encoder"}
    stage: TrainingStage
    if method == "pc_avs":
        stage = pc_avs_stage(shards, models / "sync_encoder")
    else:
        config = SyncTalkFaceConfig(
            **ALWAYS,  # type: ignore[arg-type]
            steps=4, batch_samples=2, widths=(8,) * 6, blocks_per_level=1, audio_width=8, discriminator_width=8,
            context_frames=20, memory_slots=8,
        )  # fmt: skip
        job = TrainingJob(
            stage="generator", method=method, dataset="made", shards=(shards,), config=config, inputs=inputs
        )
        stage = build_synctalkface(job, ALONE, sets)
    batch = stage.draw(0)
    assert any(tuple(value.shape[-3:]) == (256, 256, 3) for value in batch.values())
    assert torch.isfinite(stage.train_step([batch], 0)["loss"])
    assert stage.description()["crop_px"] == 256


def test_audio2head_draws_256_px(tmp_path: Path) -> None:
    folder = write_talking_shards(
        tmp_path,
        num_clips={"train": 2, "val": 1},
        landmarks=2 * face_landmarks(NUM_FRAMES) + 0.5,
        crop_px=256,
    )
    stage = audio2head_stage(ShardSet(folder))
    batch = stage.draw(0)
    assert batch["frames"].shape == (2, 2, 256, 256, 3)
    assert torch.isfinite(stage.train_step([batch], 0)["loss"])
    assert stage.description()["crop_px"] == 256


def test_a_generator_continues_none_of_another_size(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = write_talking_shards(tmp_path / "small")
    inputs = {"sync_encoder": models / "sync_encoder", "generator": models / "wav2lip"}
    job = write_job(tmp_path / "job", "generator", small, method="wav2lip", inputs=inputs)
    assert train_by_hand(job, tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "the wav2lip generator draws crops of 256 px, the shards hold 128 px; give both datasets" in line
