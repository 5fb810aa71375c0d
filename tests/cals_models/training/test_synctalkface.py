"""SyncTalkFace from shards to weights: losses, one batch overfitted, resumed exactly, no NaN in silence, diagnoses."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cals_models.inference.frame_generator import UnitGenerator, open_generator
from cals_models.inference.synctalkface import load_synctalkface
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_units import audio_units, lip_units, units_at
from cals_models.training.job import read_job
from cals_models.training.memory_use import MemoryUse
from cals_models.training.stages import build_stage
from cals_models.training.synctalkface import SyncTalkFaceStage
from tests.cals_models.training.small_jobs import curve, train_by_hand, write_job
from tests.cals_models.training.talking_shards import talking_clip, write_talking_shards
from tests.cals_models.training.test_stages import ALONE, overfit


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    sync = folder / "sync_encoder"
    assert train_by_hand(write_job(folder / "job", "sync_encoder", shards), sync) == 0
    return {"sync_encoder": sync}


def job_of(folder: Path, shards: Path, inputs: dict[str, Path], **settings: object) -> Path:
    return write_job(
        folder, "generator", shards, method="synctalkface", inputs=inputs, **{"memory_slots": 16, **settings}
    )


def stage_of(folder: Path, shards: Path, inputs: dict[str, Path], **settings: object) -> SyncTalkFaceStage:
    stage = build_stage(read_job(job_of(folder, shards, inputs, **settings)), ALONE, [ShardSet(shards)])
    assert isinstance(stage, SyncTalkFaceStage)
    return stage


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shards: Path, inputs: dict[str, Path]) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert train_by_hand(job_of(folder / "job", shards, inputs), folder / "out") == 0
    return folder / "out"


def test_a_trained_folder_is_complete(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    weights = load_file(trained / "model.safetensors")
    assert {name.partition(".")[0] for name in weights} == {"generator", "audio", "memory", "join"}
    assert weights["memory.lip"].shape == weights["memory.audio"].shape == (16, 512)
    assert all(torch.isfinite(w).all() for w in weights.values())
    assert result["num_parameters"] == sum(w.numel() for w in weights.values())
    assert set(MemoryUse.__dataclass_fields__) <= set(result["figures"])
    described = json.loads((trained / "model.json").read_text())
    assert described["method"] == "synctalkface" and -4 < described["speech_level"] < 0
    assert "not_at_plateau" in {warning["warning"] for warning in result["warnings"]}


def test_an_opened_model_draws_from_audio_alone(trained: Path) -> None:
    generator = open_generator(trained)
    assert isinstance(generator, UnitGenerator) and generator.method == "synctalkface"
    frames, mel = (torch.from_numpy(array) for array in talking_clip(5, 12))
    reference = frames[:1].expand(12, -1, -1, -1)
    spoilt = frames.clone()
    spoilt[:, 64:] = 255 - spoilt[:, 64:]
    drawn = generator.render(frames, reference, mel)
    assert drawn.shape == frames.shape and torch.equal(drawn, generator.render(spoilt, reference, mel))
    assert torch.equal(drawn[:, :64], frames[:, :64])
    units = generator.units_from_mel(mel)
    assert torch.equal(torch.cat(list(generator.render_batches(frames, reference, units, 16))), drawn)
    assert not torch.equal(units, generator.units_from_mel(mel.flip(1)))


def test_a_model_of_another_method_is_one_line(trained: Path, tmp_path: Path) -> None:
    for file in ("model.json", "model.safetensors"):
        (tmp_path / file).write_bytes((trained / file).read_bytes())
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**described, "method": "wav2lip", "config": {}}))
    with pytest.raises(ValueError, match="a generator of method 'wav2lip', not of synctalkface"):
        load_synctalkface(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({**described, "speech_level": "loud"}))
    with pytest.raises(ValueError, match=r"speech_level in model\.json is 'loud'"):
        load_synctalkface(tmp_path)


def test_slots_start_at_mouths_of_train_clips(shards: Path, inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shards, inputs)
    slots = stage.model.memory.lip.detach()
    frames = torch.stack(
        [torch.from_numpy(clip.frames(range(36))) for clip in ShardSet(shards).clips("train")]
    )
    real = 512**0.5 * lip_units(stage.expert, frames[:, :, 64:])[:, 2:-2].flatten(0, 1)
    nearest = torch.cdist(slots, real).min(1)
    assert nearest.values.max() < 0.1 * 512**0.5 * 1.2  # the noise alone
    assert len(nearest.indices.unique()) == 16
    again = stage_of(tmp_path / "again", shards, inputs)
    assert torch.equal(again.model.memory.lip, stage.model.memory.lip)


def test_the_loss_is_the_weighted_sum_of_the_terms_of_both_generations(
    shards: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    weights = {"l1": 3.0, "gan": 0.7, "store": 0.5, "align": 0.4, "audio_visual": 0.3, "visual_visual": 0.9}
    given = {f"{name}_weight": value for name, value in weights.items()}
    stage = stage_of(tmp_path, shards, inputs, precision="fp32", **given)
    stage.sync_is_on = True
    batch = stage.draw(0)
    assert not {"lips", "lower_frames"} & set(batch)
    with torch.no_grad():
        losses, real, fake = stage.generator_losses(batch)
        targets = batch["frames"][:, 2:-2].float().movedim(-1, -3) / 255
        from_audio = stage.generate(batch, targets)
    assert set(losses) == {"loss", *weights}
    assert losses["loss"].item() == pytest.approx(
        sum(weight * losses[name].item() for name, weight in weights.items()), rel=1e-5
    )
    assert real.shape == (10, 3, 64, 128) and fake.shape == (20, 3, 64, 128)
    assert torch.allclose(fake[:10], from_audio[..., 64:, :].flatten(0, 1), atol=1e-5)
    assert not torch.allclose(fake[10:], fake[:10], atol=1e-4)
    l1 = (fake - real.repeat(2, 1, 1, 1)).abs().mean()
    assert losses["l1"].item() == pytest.approx(l1.item(), rel=1e-4)


def test_sync_terms_of_true_mouths_are_those_of_the_expert(
    shards: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Real frames in place of generated ones: the lips are as far as nothing, the audio as far as F_v and F_a say."""
    stage = stage_of(tmp_path, shards, inputs, precision="fp32")
    stage.sync_is_on = True
    batch = stage.draw(1)
    frames = batch["frames"].float().movedim(-1, -3) / 255
    lower = frames[..., 64:, :]
    with torch.no_grad():
        lips = stage.lip_features(lower)
        terms = stage._sync_terms(batch, frames, lower[None, :, 2:-2].expand(2, -1, -1, -1, -1, -1), lips)
    assert terms["visual_visual"].item() == pytest.approx(0, abs=1e-5)
    audio = units_at(audio_units(stage.expert, batch["mel"]), batch["first"], 5)
    cosine = (audio * lips / 512**0.5).sum(-1).mean().item()
    assert terms["audio_visual"].item() == pytest.approx(-math.log(max(cosine, 1e-4)), rel=1e-3)


def test_single_frames_come_first_and_sync_losses_wait(
    shards: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    stage = stage_of(tmp_path, shards, inputs, single_frame_share=0.5)
    single, window = stage.draw(1), stage.draw(2)
    assert single["frames"].shape[:2] == (10, 5) and window["frames"].shape[:2] == (2, 9)
    sync = {"audio_visual", "visual_visual"}
    assert not sync & stage.train_step([single], 1).keys() and not sync & stage.train_step([window], 2).keys()
    stage.observe({"reference_nearness": 0.16})
    assert not sync & stage.train_step([single], 1).keys()
    assert sync <= stage.train_step([window], 2).keys()


def test_one_batch_is_overfitted_and_audio_comes_to_recall_its_mouths(
    shards: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    stage = stage_of(
        tmp_path, shards, inputs, steps=1000, learning_rate=3e-3, widths=[16] * 6, clip_gradient_norm=10.0
    )
    batch = stage.draw(0)
    with torch.no_grad():
        start = stage.generator_losses(batch)[0]
    first, last = overfit(stage, 40, metric="l1")
    assert last < 0.6 * first
    with torch.no_grad():
        terms = stage.generator_losses(batch)[0]
    assert terms["align"] < 0.3 * start["align"] and terms["store"] < start["store"]


def test_a_stopped_training_goes_on_to_the_same_weights(
    shards: Path, inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 6, "validate_every_steps": 3, "sync_switch_on_nearness": 0.0}
    job = job_of(tmp_path / "job", shards, inputs, **settings)
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert train_by_hand(job, straight) == 0
    step = SyncTalkFaceStage.train_step

    def fails_at_5(self: SyncTalkFaceStage, batches: list[dict[str, torch.Tensor]], number: int) -> object:
        if number == 5:
            raise OSError("stopped")
        return step(self, batches, number)

    with monkeypatch.context() as patch:
        patch.setattr(SyncTalkFaceStage, "train_step", fails_at_5)
        assert train_by_hand(job, stopped) == 2
    assert not (stopped / "result.json").exists() and len(curve(stopped)) == 5
    assert train_by_hand(job, stopped) == 0
    assert curve(stopped) == curve(straight) and len(curve(straight)) == 6
    one, other = ((folder / "model.safetensors").read_bytes() for folder in (straight, stopped))
    assert one == other


def test_a_model_continues_from_its_own_weights_and_from_no_other_methods(
    shards: Path, inputs: dict[str, Path], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = stage_of(tmp_path / "a", shards, {**inputs, "generator": trained}, seed=5)
    weights = load_file(trained / "model.safetensors")
    for name in stage.exported:
        for key, value in stage.networks[name].state_dict().items():
            assert torch.equal(value, weights[f"{name}.{key}"]), key
    other = write_job(tmp_path / "j", "generator", shards, method="wav2lip", inputs=inputs, steps=1)
    assert train_by_hand(other, tmp_path / "wav2lip") == 0
    wrong = job_of(tmp_path / "b", shards, {**inputs, "generator": tmp_path / "wav2lip"})
    assert train_by_hand(wrong, tmp_path / "out") == 2
    message = "a generator of method 'wav2lip'; 'synctalkface' can't continue from it"
    assert message in capsys.readouterr().err
    narrow = job_of(tmp_path / "c", shards, {**inputs, "generator": trained}, memory_slots=8)
    assert train_by_hand(narrow, tmp_path / "out2") == 2
    assert str(trained) in capsys.readouterr().err


@pytest.mark.parametrize("spoilt", ["mel", "slot"])
def test_a_nan_changes_no_weight(shards: Path, inputs: dict[str, Path], tmp_path: Path, spoilt: str) -> None:
    stage = stage_of(tmp_path, shards, inputs)
    batch = dict(stage.draw(0))
    if spoilt == "mel":
        batch["mel"] = torch.full_like(batch["mel"], float("nan"))
    else:
        with torch.no_grad():
            stage.model.memory.lip[3, 5] = float("nan")
    before = {name: value.clone() for name, value in stage.export().items()}
    judge = {name: value.clone() for name, value in stage.discriminator.named_parameters()}
    metrics = stage.train_step([batch], 0)
    assert not math.isfinite(metrics["loss"].item()) and not math.isfinite(metrics["gradient_norm"].item())
    for name, value in stage.export().items():
        assert torch.equal(value.nan_to_num(7), before[name].nan_to_num(7)), name
    assert all(torch.equal(value, judge[name]) for name, value in stage.discriminator.named_parameters())


def test_a_training_of_nothing_but_nan_ends_with_a_diagnosis_and_no_model(
    shards: Path, inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = SyncTalkFaceStage.draw

    def spoilt(self: SyncTalkFaceStage, number: int) -> dict[str, torch.Tensor]:
        return {**drawn(self, number), "mel": torch.full((2, 80, 80), float("nan"))}

    monkeypatch.setattr(SyncTalkFaceStage, "draw", spoilt)
    job = job_of(tmp_path / "job", shards, inputs, steps=20, validate_every_steps=20)
    assert train_by_hand(job, tmp_path / "out") == 1
    lines = (tmp_path / "out" / "progress.jsonl").read_text()
    assert '"not_finite"' in lines and not (tmp_path / "out" / "result.json").exists()


def test_diagnoses_of_all_generators_count_too(shards: Path, inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shards, inputs)
    val = {"reference_nearness": 0.1, "audio_gain": 0.0, "lip_address_entropy": 9.0, "unused_slots": 0.0}
    val |= {"align": 1.0, "align_chance": 1.0}
    found = {one.name for one in stage.diagnose({}, val, 10**6, is_last=True)}
    assert found >= {"copies_reference", "ignores_audio", "sync_never_switched_on"}
    assert found >= {"memory_addresses_blurred", "audio_misses_memory"}


def test_streamed_clips_give_the_batches_of_clips_in_memory(
    shards: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    kept, streamed = (
        stage_of(tmp_path / str(size), shards, inputs, clip_cache_bytes=size) for size in (2**30, 0)
    )
    batch, other = kept.draw(2), streamed.draw(2)
    assert set(batch) == set(other) and all(torch.equal(batch[name], other[name]) for name in batch)
    assert np.isfinite(batch["mel"].numpy()).all()
    assert replace(kept.config, clip_cache_bytes=0) == streamed.config
