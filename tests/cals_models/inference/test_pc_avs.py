"""A trained `pc_avs` from its folder: by the command line of training, opened, clips generated; what it is given and rejects."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cals_models.config.pc_avs import PcAvsConfig
from cals_models.inference.frame_generator import open_generator
from cals_models.inference.pc_avs import PcAvsGenerator, load_pc_avs
from cals_models.shards.shard_set import ShardSet
from cals_models.training.distributed import World
from cals_models.training.job import read_job
from cals_models.training.pc_avs import PcAvsStage
from cals_models.training.stages import build_stage
from tests.cals_models.training.small_jobs import ALWAYS, train_by_hand, write_job
from tests.cals_models.training.talking_shards import talking_clip, write_talking_shards

CONFIG = PcAvsConfig(
    **ALWAYS,  # type: ignore[arg-type]
    steps=2,
    batch_samples=2,
    encoder_width=8,
    encoder_blocks=1,
    widths=(8,) * 6,
    blocks_per_level=1,
    discriminator_width=8,
    output_from="identity",
    finest_maps="half",
    context_frames=20,
)


def pc_avs_job(folder: Path, shards: Path, inputs: dict[str, Path], config: PcAvsConfig = CONFIG) -> Path:
    folder.mkdir(parents=True)
    plain = {
        "stage": "generator",
        "method": "pc_avs",
        "dataset": "made",
        "shards": [str(shards)],
        "config": asdict(config),
        "inputs": {name: str(path) for name, path in inputs.items()},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(plain))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of shards, a sync encoder and a model of pc_avs."""
    folder = tmp_path_factory.mktemp("models")
    shards = write_talking_shards(folder / "shards")
    sync = folder / "sync_encoder"
    assert train_by_hand(write_job(folder / "j1", "sync_encoder", shards, steps=2), sync) == 0
    job = pc_avs_job(folder / "j2", shards, {"sync_encoder": sync})
    assert train_by_hand(job, folder / "pc_avs") == 0
    return folder


@pytest.fixture(scope="module")
def generator(models: Path) -> PcAvsGenerator:
    return load_pc_avs(models / "pc_avs", precision="fp32")


def test_the_folder_is_complete_and_its_method_opens_it(models: Path) -> None:
    result = json.loads((models / "pc_avs" / "result.json").read_text())
    assert {"psnr", "audio_gain", "mouth_leak"} <= result["figures"].keys() and result["method"] == "pc_avs"
    weights = load_file(models / "pc_avs" / "model.safetensors")
    assert {name.partition(".")[0] for name in weights} == {"pc_avs"}
    opened = open_generator(models / "pc_avs")
    assert isinstance(opened, PcAvsGenerator)
    assert (opened.method, opened.dataset, opened.crop_px) == ("pc_avs", "made", 128)
    assert opened.weights_sha256 == result["weights_sha256"] and opened.speech_level is not None


def test_identity_audio_and_pose_decide_the_frames_and_the_pose_prior_does_not(
    generator: PcAvsGenerator,
) -> None:
    frames, mel = (torch.from_numpy(array) for array in talking_clip(5, 12))
    reference = frames[:1].expand(12, -1, -1, -1)
    base = generator.render(frames, reference, mel, target=frames)
    assert base.shape == frames.shape and base.dtype == torch.uint8

    def changed(
        prior: torch.Tensor = frames,
        shown: torch.Tensor = reference,
        audio: torch.Tensor = mel,
        target: torch.Tensor = frames,
    ) -> bool:
        return not torch.equal(generator.render(prior, shown, audio, target=target), base)

    assert not changed(prior=torch.zeros_like(frames))
    assert changed(shown=255 - reference) and changed(target=255 - frames)
    codes = generator._speech(mel, None)
    assert codes.shape == (12, 512) and not torch.allclose(codes, generator._speech(mel.flip(1), None))


def test_frames_do_not_depend_on_how_many_are_generated_at_once(generator: PcAvsGenerator) -> None:
    frames, mel = (torch.from_numpy(array) for array in talking_clip(6, 12))
    reference = torch.cat([frames[:1].expand(7, -1, -1, -1), frames[9:10].expand(5, -1, -1, -1)])
    whole, parts = (
        generator.render(frames, reference, mel, target=frames, batch_frames=count).int() for count in (12, 3)
    )
    assert (whole - parts).abs().max() <= 1


def test_masked_audio_is_silence(generator: PcAvsGenerator) -> None:
    mel = torch.randn(80, 48)
    mask = torch.ones(12, dtype=torch.bool)
    mask[4:6] = False
    silenced = mel.clone()
    silenced[:, 16:24] = -5.0
    codes = generator._speech(mel, mask)
    assert torch.equal(codes, generator._speech(silenced, None))
    whole = generator._speech(mel, None)
    assert torch.allclose(codes[:2], whole[:2], atol=1e-6) and not torch.allclose(codes[4], whole[4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": None}, "pc_avs takes the pose from the target frames"),
        ({"mel": torch.zeros(80, 41)}, "four mel frames"),
        ({"reference": torch.zeros(9, 128, 128, 3, dtype=torch.uint8)}, "reference"),
        ({"target": torch.zeros(10, 128, 128, 3)}, "target .* uint8"),
        ({"mel_valid_mask": torch.ones(40, dtype=torch.bool)}, r"expected \(10,\) bool"),
        ({"batch_frames": 0}, "at least 1"),
    ],
)
def test_render_names_wrong_arguments(
    generator: PcAvsGenerator, change: dict[str, object], message: str
) -> None:
    crops = torch.zeros(10, 128, 128, 3, dtype=torch.uint8)
    arguments = {"reference": crops, "mel": torch.zeros(80, 40), "target": crops, **change}
    with pytest.raises(ValueError, match=message):
        generator.render(crops, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sync_encoder", None, "sync_encoder in model.json is no object"),
        ("sync_encoder", {"audio_width": 7}, "audio_width"),
        ("sync_encoder", {"audio_width": 16}, "another network's"),
        ("speech_level", "loud", "speech_level in model.json is 'loud'"),
        ("method", "synth", "method 'synth'"),
    ],
)
def test_a_damaged_description_is_one_clear_error(
    models: Path, tmp_path: Path, field: str, value: object, message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(models / "pc_avs", folder)
    plain = json.loads((folder / "model.json").read_text())
    given = {**plain[field], **value} if isinstance(value, dict) else value
    (folder / "model.json").write_text(json.dumps({**plain, field: given}))
    with pytest.raises(ValueError, match=message):
        load_pc_avs(folder)


def test_a_training_continues_from_the_weights_of_another(models: Path, tmp_path: Path) -> None:
    inputs = {"sync_encoder": models / "sync_encoder", "generator": models / "pc_avs"}
    job = pc_avs_job(tmp_path / "job", models / "shards", inputs, replace(CONFIG, seed=5))
    alone = World(rank=0, size=1, device=torch.device("cpu"))
    stage = build_stage(read_job(job), alone, [ShardSet(models / "shards")])
    assert isinstance(stage, PcAvsStage)
    weights = load_file(models / "pc_avs" / "model.safetensors")
    for name, value in stage.model.state_dict().items():
        assert torch.equal(value.float(), weights[f"pc_avs.{name}"].float()), name


def test_crops_of_256_px_are_trained_on_generated_and_kept_apart(models: Path, tmp_path: Path) -> None:
    shards = write_talking_shards(tmp_path / "large", crop_px=256)
    inputs = {"sync_encoder": models / "sync_encoder"}
    job = pc_avs_job(tmp_path / "job", shards, inputs, replace(CONFIG, steps=1, validation_clips=1))
    assert train_by_hand(job, tmp_path / "out") == 0
    opened = load_pc_avs(tmp_path / "out")
    crops = torch.zeros(3, 256, 256, 3, dtype=torch.uint8)
    frames = opened.render(crops, crops, torch.full((80, 12), -3.0), target=crops)
    assert opened.crop_px == 256 and frames.shape == crops.shape
    with pytest.raises(ValueError, match=r"expected \(3, 256, 256, 3\)"):
        opened.render(crops, crops[:, :128, :128], torch.full((80, 12), -3.0), target=crops)
    mixed = pc_avs_job(tmp_path / "mixed", models / "shards", {**inputs, "generator": tmp_path / "out"})
    alone = World(rank=0, size=1, device=torch.device("cpu"))
    with pytest.raises(ValueError, match="draws crops of 256 px, the shards hold 128 px"):
        build_stage(read_job(mixed), alone, [ShardSet(models / "shards")])
