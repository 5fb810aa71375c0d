"""The stages from shards to generated frames: command line, model folders, overfitting, leaks, rules, diagnoses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file, save_file

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.inference.lip_generator import load_generator, stretches
from cals_models.shards.shard_set import ShardSet
from cals_models.training.audio_to_lip import AudioToLipStage
from cals_models.training.clip_units import audio_units, lip_units, units_at
from cals_models.training.distributed import World
from cals_models.training.generator import GeneratorStage
from cals_models.training.job import read_job
from cals_models.training.stage import TrainingStage
from cals_models.training.stages import build_stage
from tests.cals_models.training.small_jobs import curve, train_by_hand, write_job
from tests.cals_models.training.talking_shards import talking_clip, write_talking_shards

ALONE = World(rank=0, size=1, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Path:
    """Folder of four small models, trained by the command line for a few steps."""
    folder = tmp_path_factory.mktemp("models")
    sync, audio = folder / "sync_encoder", folder / "audio_to_lip"
    assert train_by_hand(write_job(folder / "j1", "sync_encoder", shards), sync) == 0
    assert (
        train_by_hand(write_job(folder / "j2", "audio_to_lip", shards, inputs={"sync_encoder": sync}), audio)
        == 0
    )
    for method, inputs in (
        ("wav2lip", {"sync_encoder": sync}),
        ("cals", {"sync_encoder": sync, "audio_to_lip": audio}),
    ):
        job = write_job(folder / f"j_{method}", "generator", shards, method=method, inputs=inputs)
        assert train_by_hand(job, folder / method) == 0
    return folder


def stage_of(models: Path, name: str, shards: Path) -> TrainingStage:
    job = read_job(models / name / "config.json")
    return build_stage(job, ALONE, [ShardSet(shards)])


@pytest.mark.parametrize("name", ["sync_encoder", "audio_to_lip", "wav2lip", "cals"])
def test_a_trained_folder_is_complete(models: Path, shards: Path, name: str) -> None:
    result = json.loads((models / name / "result.json").read_text())
    assert result["steps"] == 4 and result["device"] == "cpu" and result["peak_memory_bytes"] > 1e6
    assert result["shards"] == {str(shards): ShardSet(shards).digest}
    assert result["figures"] and result["chance"]
    weights = load_file(models / name / "model.safetensors")
    assert result["num_parameters"] == sum(w.numel() for w in weights.values())
    assert all(torch.isfinite(w).all() for w in weights.values())
    assert {"loss", "data_wait_share", "seconds_per_step", "learning_rate"} <= set(
        json.loads((models / name / "progress.jsonl").read_text().splitlines()[0])["metrics"]
    )


def test_a_finished_training_is_not_repeated(models: Path) -> None:
    before = (models / "cals" / "result.json").stat().st_mtime_ns
    assert train_by_hand(models / "j_cals" / "config.json", models / "cals") == 0
    assert (models / "cals" / "result.json").stat().st_mtime_ns == before


def test_wrong_input_is_one_line_and_status_2(
    models: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = write_job(tmp_path / "a", "sync_encoder", tmp_path / "nowhere")
    assert train_by_hand(missing, tmp_path / "out") == 2
    other = write_job(tmp_path / "b", "sync_encoder", shards, steps=5)
    assert train_by_hand(other, models / "sync_encoder") == 2
    swapped = {"sync_encoder": models / "audio_to_lip"}
    assert (
        train_by_hand(write_job(tmp_path / "c", "audio_to_lip", shards, inputs=swapped), tmp_path / "d") == 2
    )
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3 and all(line.startswith("cals_models.training: error: ") for line in lines)
    assert "config.steps" in lines[1] and "expected 'sync_encoder'" in lines[2]


def overfit(stage: TrainingStage, num_steps: int, metric: str = "loss") -> tuple[float, float]:
    """First and last value of a training on one batch alone."""
    batch = stage.draw(0)
    values = []
    for step in range(num_steps):
        values.append(stage.train_step([batch], step)[metric].item())
    return values[0], values[-1]


def test_sync_encoder_overfits_one_batch(shards: Path, tmp_path: Path) -> None:
    job = write_job(
        tmp_path, "sync_encoder", shards, learning_rate=2e-3, steps=1000, batch_samples=6, precision="fp32"
    )
    first, last = overfit(build_stage(read_job(job), ALONE, [ShardSet(shards)]), 60)
    assert first > 2.5 and last < 0.6 * first


def test_audio_to_lip_overfits_one_batch(models: Path, shards: Path, tmp_path: Path) -> None:
    inputs = {"sync_encoder": models / "sync_encoder"}
    job = write_job(
        tmp_path, "audio_to_lip", shards, inputs=inputs, steps=1000, learning_rate=3e-3, dropout=0.0
    )
    first, last = overfit(build_stage(read_job(job), ALONE, [ShardSet(shards)]), 80)
    assert last < 0.3 * first


def test_units_seen_once_are_those_of_the_frames(models: Path, shards: Path, tmp_path: Path) -> None:
    """F_v embeds each clip of a set in memory once, those of a streamed one at every visit."""
    inputs = {"sync_encoder": models / "sync_encoder"}
    kept, streamed = (
        build_stage(
            read_job(
                write_job(
                    tmp_path / str(size), "audio_to_lip", shards, inputs=inputs, clip_cache_bytes=size,
                    precision="fp32", sample_frames=20, batch_samples=6,
                )
            ),
            ALONE,
            [ShardSet(shards)],
        )
        for size in (2**30, 0)
    )  # fmt: skip
    assert isinstance(streamed, AudioToLipStage)
    units, frames = kept.draw(0)["units"], streamed.draw(0)["frames"]
    inner = slice(2, -2)
    assert torch.allclose(units[:, inner], lip_units(streamed.expert, frames)[:, inner], atol=1e-5)
    assert units.norm(dim=2).max() > 0.99


@pytest.mark.parametrize("method", ["wav2lip", "cals"])
def test_generator_overfits_one_batch(models: Path, shards: Path, tmp_path: Path, method: str) -> None:
    inputs = {name: models / name for name in ("sync_encoder", "audio_to_lip")}
    job = write_job(
        tmp_path,
        "generator",
        shards,
        method=method,
        inputs=inputs,
        steps=1000,
        learning_rate=3e-3,
        widths=[16] * 6,
        clip_gradient_norm=10.0,
    )
    first, last = overfit(build_stage(read_job(job), ALONE, [ShardSet(shards)]), 40, metric="l1")
    assert last < 0.6 * first


@pytest.mark.parametrize("method", ["wav2lip", "cals"])
def test_nothing_of_the_hidden_half_reaches_what_is_generated(models: Path, method: str) -> None:
    generator = load_generator(models / method)
    frames, mel = (torch.from_numpy(array) for array in talking_clip(5, 12))
    reference = frames[:1].expand(12, -1, -1, -1)
    spoilt = frames.clone()
    spoilt[:, 64:] = 255 - spoilt[:, 64:]
    generated = generator.render(frames, reference, mel)
    assert generated.shape == frames.shape and generated.dtype == torch.uint8
    assert torch.equal(generated, generator.render(spoilt, reference, mel))
    assert torch.equal(generated[:, :64], frames[:, :64])


@pytest.mark.parametrize("reference_from", ["any", "near_pose"])
def test_a_samples_reference_is_never_near_its_targets(
    models: Path, shards: Path, reference_from: Literal["any", "near_pose"]
) -> None:
    job = read_job(models / "j_cals" / "config.json")
    assert isinstance(job.config, GeneratorConfig)
    config = replace(job.config, reference_from=reference_from)
    stage = build_stage(replace(job, config=config), ALONE, [ShardSet(shards)])
    for number in range(8):
        batch = stage.draw(number)
        for frames, reference in zip(batch["frames"], batch["reference"], strict=True):
            assert not any(torch.equal(frame, reference) for frame in frames)


def test_a_sample_has_the_audio_and_the_units_of_its_frames(models: Path, shards: Path) -> None:
    """The units at the targets are F_v's of these frames, and F_a's of this audio."""
    stage = build_stage(read_job(models / "j_cals" / "config.json"), ALONE, [ShardSet(shards)])
    assert isinstance(stage, GeneratorStage)
    batch = stage.draw(3)
    lips, audio = (units_at(batch[name], batch["first"], 5) for name in ("lips", "audio"))
    lower = batch["frames"][:, :, 64:]
    assert torch.allclose(lips, lip_units(stage.expert, lower)[:, 2:-2], atol=2e-2)
    assert torch.allclose(
        audio, units_at(audio_units(stage.expert, batch["mel"]), batch["first"], 5), atol=2e-2
    )
    assert (batch["counted"].sum(1) == batch["num_valid"] - 4).all()


def test_keys_of_streamed_clips_are_those_of_clips_in_memory(
    models: Path, shards: Path, tmp_path: Path
) -> None:
    inputs = {name: models / name for name in ("sync_encoder", "audio_to_lip")}
    kept, streamed = (
        build_stage(
            read_job(
                write_job(
                    tmp_path / str(size), "generator", shards, method="cals", inputs=inputs,
                    clip_cache_bytes=size, precision="fp32",
                )
            ),
            ALONE,
            [ShardSet(shards)],
        )
        for size in (2**30, 0)
    )  # fmt: skip
    assert isinstance(kept, GeneratorStage) and isinstance(streamed, GeneratorStage)
    batch, other = kept.draw(2), streamed.draw(2)
    counted = batch["counted"]
    assert torch.equal(counted, other["counted"]) and counted.any()
    assert torch.allclose(
        batch["lips"][counted], lip_units(streamed.expert, other["lower_frames"])[counted], atol=1e-5
    )
    for stage in (kept, streamed):
        stage.sync_is_on = True
        stage.model.eval()
    with torch.no_grad():
        losses, others = (
            stage.generator_losses(drawn)[0] for stage, drawn in ((kept, batch), (streamed, other))
        )
    assert {"d_av", "d_vv"} <= losses.keys()
    for name in losses:
        assert losses[name].item() == pytest.approx(others[name].item(), abs=1e-4)


@pytest.mark.parametrize("method", ["wav2lip", "cals"])
def test_single_frames_come_first(models: Path, shards: Path, tmp_path: Path, method: str) -> None:
    """S times as many samples of one frame; f_theta is as before, then trained along."""
    inputs = {name: models / name for name in ("sync_encoder", "audio_to_lip")}
    job = write_job(
        tmp_path, "generator", shards, method=method, inputs=inputs, single_frame_share=0.5, steps=4,
        audio_to_lip_learning_rate_share=1.0,
    )  # fmt: skip
    stage = build_stage(read_job(job), ALONE, [ShardSet(shards)])
    assert isinstance(stage, GeneratorStage)
    stage.sync_is_on = True
    single, window = stage.draw(1), stage.draw(2)
    assert single["frames"].shape[:2] == (10, 5) and window["frames"].shape[:2] == (2, 9)
    assert ("units" in single) == (method == "cals") and "mel" in window
    before = {name: value.clone() for name, value in stage.model.audio.state_dict().items()}

    def is_as_before() -> bool:
        return all(torch.equal(before[name], value) for name, value in stage.model.audio.state_dict().items())

    terms = stage.train_step([single], 1)
    assert not {"d_av", "d_vv", "wav2lip_sync"} & terms.keys()
    assert is_as_before() == (method == "cals")
    terms = stage.train_step([window], 2)
    assert {"d_av", "d_vv"} <= terms.keys() if method == "cals" else "wav2lip_sync" in terms
    assert not is_as_before()


def test_long_audio_is_processed_in_stretches_without_a_seam(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = load_generator(models / "cals", precision="fp32")
    mel = torch.randn(80, 4 * 130)
    whole = replace(generator, context_frames=130).units_from_mel(mel)
    monkeypatch.setattr(
        "cals_models.inference.lip_generator.stretches",
        lambda num_frames, length: [(range(130), range(first, first + 13)) for first in range(0, 130, 13)],
    )
    assert torch.allclose(generator.units_from_mel(mel), whole, atol=1e-4)


def test_long_audio_is_given_in_stretches_of_the_trainings_length(models: Path) -> None:
    generator = load_generator(models / "cals", precision="fp32")
    assert generator.context_frames == 20
    mel = torch.randn(80, 4 * 33)
    units = generator.units_from_mel(mel)
    assert torch.equal(units[:15], generator.units_from_mel(mel[:, : 4 * 20])[:15])
    assert torch.equal(units[-8:], generator.units_from_mel(mel[:, 4 * 13 :])[-8:])


@pytest.mark.parametrize(
    ("num_frames", "length"), [(1, 20), (20, 20), (21, 20), (99, 20), (651, 75), (500, 9)]
)
def test_stretches_cover_the_audio_once(num_frames: int, length: int) -> None:
    found = stretches(num_frames, length)
    assert [frame for _, kept in found for frame in kept] == list(range(num_frames))
    margin = min(25, length // 4)
    for given, kept in found:
        assert len(given) == min(length, num_frames) and given.start >= 0 and given.stop <= num_frames
        assert given.start in (0, kept.start) or kept.start - given.start >= margin
        assert given.stop in (num_frames, kept.stop) or given.stop - kept.stop >= margin


def test_masked_audio_changes_what_is_generated(models: Path) -> None:
    generator = load_generator(models / "cals")
    mel = torch.randn(80, 80)
    mask = torch.ones(20, dtype=torch.bool)
    mask[8:12] = False
    assert not torch.allclose(
        generator.units_from_mel(mel, mel_valid_mask=mask), generator.units_from_mel(mel)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mel": torch.zeros(80, 41)}, "four mel frames"),
        ({"reference": torch.zeros(9, 128, 128, 3, dtype=torch.uint8)}, "reference"),
        ({"pose_prior": torch.zeros(10, 128, 128, 3)}, "uint8"),
        ({"mel_valid_mask": torch.ones(40, dtype=torch.bool)}, r"expected \(10,\) bool"),
        ({"batch_frames": 0}, "at least 1"),
    ],
)
def test_render_names_wrong_arguments(models: Path, change: dict[str, object], message: str) -> None:
    crops = torch.zeros(10, 128, 128, 3, dtype=torch.uint8)
    arguments = {"pose_prior": crops, "reference": crops, "mel": torch.zeros(80, 40), **change}
    with pytest.raises(ValueError, match=message):
        load_generator(models / "wav2lip").render(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage", ["weights cut", "weights swapped", "no json", "json cut", "another stage", "gone"]
)
def test_a_damaged_model_is_one_clear_error(models: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(models / "cals", folder)
    if damage == "weights cut":
        data = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    elif damage == "weights swapped":
        save_file({"generator.x": torch.zeros(1)}, folder / "model.safetensors")
    elif damage == "no json":
        (folder / "model.json").unlink()
    elif damage == "json cut":
        (folder / "model.json").write_text('{"format": 1, "sta')
    elif damage == "another stage":
        shutil.copytree(models / "sync_encoder", folder, dirs_exist_ok=True)
    else:
        shutil.rmtree(folder)
    with pytest.raises(ValueError, match=str(folder)):
        load_generator(folder)


@pytest.mark.parametrize("method", ["wav2lip", "cals"])
def test_sync_losses_of_all_methods_are_enabled_once_mouths_move(
    models: Path, shards: Path, method: str
) -> None:
    stage = build_stage(read_job(models / f"j_{method}" / "config.json"), ALONE, [ShardSet(shards)])
    assert isinstance(stage, GeneratorStage)
    batch, config = stage.draw(0), stage.config
    weights = {
        "l1": config.l1_weight,
        "gan": config.gan_weight,
        "wav2lip_sync": config.wav2lip_sync_weight,
        "d_av": config.d_av_weight,
        "d_vv": config.d_vv_weight,
    }

    def terms() -> set[str]:
        losses = stage.generator_losses(batch)[0]
        total = losses.pop("loss").item()
        assert total == pytest.approx(
            sum(weights[name] * loss.item() for name, loss in losses.items()), rel=1e-4
        )
        return set(losses) - {"l1", "gan"}

    with torch.no_grad():
        assert terms() == set()
        stage.observe({"reference_nearness": 0.14})
        assert terms() == set()
        stage.observe({"reference_nearness": 0.16})
        assert terms() == set(stage.sync_losses)
        stage.observe({"reference_nearness": 0.1})
        assert stage.state()["sync_is_on"]
    always = replace(stage.config, sync_switch_on_nearness=0.0)
    job = replace(read_job(models / f"j_{method}" / "config.json"), config=always)
    started = build_stage(job, ALONE, [ShardSet(shards)])
    assert isinstance(started, GeneratorStage) and started.sync_is_on


def test_a_frozen_audio_to_lip_stays_as_it_was(models: Path, shards: Path, tmp_path: Path) -> None:
    inputs = {name: models / name for name in ("sync_encoder", "audio_to_lip")}
    job = write_job(
        tmp_path, "generator", shards, method="a2l_dav", inputs=inputs, finetune_audio_to_lip=False, steps=1
    )
    assert train_by_hand(job, tmp_path / "out") == 0
    before, after = (
        load_file(path / "model.safetensors") for path in (models / "audio_to_lip", tmp_path / "out")
    )
    assert all(torch.equal(after[f"audio.{k.removeprefix('audio_to_lip.')}"], v) for k, v in before.items())


def test_troubles_are_named(models: Path, shards: Path) -> None:
    def names(stage: TrainingStage, train: dict[str, float], val: dict[str, float]) -> set[str]:
        return {found.name for found in stage.diagnose(train, val, 10**6, is_last=True)}

    job = read_job(models / "j_wav2lip" / "config.json")
    generator = build_stage(job, ALONE, [ShardSet(shards)])
    val = {"reference_nearness": 0.1, "audio_gain": 0.05}
    assert names(generator, {}, val) == {"sync_never_switched_on", "copies_reference", "ignores_audio"}
    assert names(generator, {}, val | {"audio_gain": 0.2}) == {"sync_never_switched_on", "copies_reference"}
    assert names(generator, {"discriminator_loss": 0.001}, {}) == {"dead_discriminator"}
    assert names(generator, {"discriminator_loss": 0.5}, {}) == set()
    sync = build_stage(read_job(models / "j1" / "config.json"), ALONE, [ShardSet(shards)])
    assert names(sync, {"loss": 2.48}, {}) == {"plateau_at_chance"}
    assert names(sync, {"loss": 1.5}, {}) == set()
    audio = build_stage(read_job(models / "j2" / "config.json"), ALONE, [ShardSet(shards)])
    good = {
        "clean_loss": 0.4,
        "mean_target_loss": 0.8,
        "unit_retrieval_within_1_frame": 0.3,
        "chance_unit_retrieval_within_1_frame": 0.1,
    }
    assert names(audio, {}, good) == set()
    assert names(audio, {}, good | {"unit_retrieval_within_1_frame": 0.15}) == {"plateau_at_chance"}
    assert names(audio, {}, good | {"clean_loss": 0.9}) == {"plateau_at_chance"}


def test_exported_settings_rebuild_the_model(models: Path) -> None:
    plain = json.loads((models / "cals" / "model.json").read_text())
    generator = load_generator(models / "cals")
    assert generator.method == "cals" and generator.weights_sha256 == plain["weights_sha256"]
    assert replace(AudioToLipConfig(), **plain["audio_to_lip"]).width == 32
    assert GeneratorConfig(**plain["config"]).widths == (8,) * 6
    assert generator.speech_level == plain["speech_level"] and -4 < plain["speech_level"] < 0
    assert len(curve(models / "cals", "val", "psnr_mouth")) == 2
