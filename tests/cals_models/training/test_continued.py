"""A generator that continues from a trained one, and the random changes of its frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cals_models.config.generator import GeneratorConfig
from cals_models.shards.shard_set import ShardSet
from cals_models.training.augmentation import Relighting, draw_relighting
from cals_models.training.generator import GeneratorStage
from cals_models.training.generator_samples import SampleDrawer
from cals_models.training.job import read_job
from cals_models.training.stages import build_stage
from tests.cals_models.training.small_jobs import train_by_hand, write_job
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.cals_models.training.test_stages import ALONE


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def wav2lip(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> dict[str, Path]:
    """A sync encoder and a generator of wav2lip, the inputs of one that continues."""
    folder = tmp_path_factory.mktemp("models")
    sync, generator = folder / "sync_encoder", folder / "generator"
    assert train_by_hand(write_job(folder / "j1", "sync_encoder", shards, steps=2), sync) == 0
    inputs = {"sync_encoder": sync}
    job = write_job(folder / "j2", "generator", shards, method="wav2lip", inputs=inputs)
    assert train_by_hand(job, generator) == 0
    return {**inputs, "generator": generator}


def test_a_generator_continues_from_the_weights_of_another(
    shards: Path, wav2lip: dict[str, Path], tmp_path: Path
) -> None:
    path = write_job(tmp_path / "job", "generator", shards, method="wav2lip", inputs=wav2lip, seed=5)
    stage = build_stage(read_job(path), ALONE, [ShardSet(shards)])
    assert isinstance(stage, GeneratorStage)
    weights = load_file(wav2lip["generator"] / "model.safetensors")
    for part, network in (("generator", stage.model.generator), ("audio", stage.model.audio)):
        for name, value in network.state_dict().items():
            assert torch.equal(value.float(), weights[f"{part}.{name}"].float()), name
    assert train_by_hand(path, tmp_path / "out") == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    described = json.loads((wav2lip["generator"] / "model.json").read_text())
    assert result["inputs"]["generator"] == described["weights_sha256"] != result["weights_sha256"]


def test_a_generator_of_another_method_or_size_is_one_line(
    shards: Path, wav2lip: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = json.loads((wav2lip["generator"] / "model.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for file in wav2lip["generator"].iterdir():
        if file.is_file():
            (other / file.name).write_bytes(file.read_bytes())
    (other / "model.json").write_text(json.dumps({**described, "method": "cals"}))
    job = write_job(
        tmp_path / "j1", "generator", shards, method="wav2lip", inputs={**wav2lip, "generator": other}
    )
    assert train_by_hand(job, tmp_path / "o1") == 2
    assert "a generator of method 'cals'; 'wav2lip' can't continue from it" in capsys.readouterr().err
    wide = write_job(
        tmp_path / "j2", "generator", shards, method="wav2lip", inputs=wav2lip, widths=[8, 8, 8, 8, 8, 16]
    )
    assert train_by_hand(wide, tmp_path / "o2") == 2
    assert str(wav2lip["generator"]) in capsys.readouterr().err


def test_relighting_keeps_the_range_and_its_draw_is_repeated() -> None:
    frames = np.array([[[0, 100, 255]]], np.uint8)
    changed = Relighting(np.array([1.5, 1.1, 1.1], np.float32), np.float32(10))(frames)
    assert changed.tolist() == [[[10, 120, 255]]]
    one, other = (draw_relighting(0.3, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.gains, other.gains) and one.lift == other.lift
    assert draw_relighting(0.0, np.random.default_rng(4))(frames).tolist() == frames.tolist()


def test_reference_and_targets_of_a_sample_change_alike_and_only_in_training(
    shards: Path, wav2lip: dict[str, Path], tmp_path: Path
) -> None:
    path = write_job(tmp_path / "job", "generator", shards, method="wav2lip", inputs=wav2lip)
    stage = build_stage(read_job(path), ALONE, [ShardSet(shards)])
    assert isinstance(stage, GeneratorStage)
    source = stage._window_sampler.source
    clip = next(iter(source.first(1)))
    config = replace(stage.config, brightness_jitter=0.0, mirror_share=1.0)

    def drawn(config: GeneratorConfig, *, augment: bool) -> dict[str, np.ndarray]:
        drawer = SampleDrawer(source, config, {}, {}, augment=augment)
        sample = drawer.window(clip, np.random.default_rng(3))
        assert sample is not None
        return dict(sample)

    plain, same, mirrored = (
        drawn(config, augment=False), drawn(replace(config, mirror_share=0.0), augment=True), drawn(config, augment=True),
    )  # fmt: skip
    assert np.array_equal(plain["frames"], same["frames"])
    assert np.array_equal(mirrored["frames"], plain["frames"][:, :, ::-1])
    assert np.array_equal(mirrored["reference"], plain["reference"][:, ::-1])
    assert np.array_equal(mirrored["mel"], plain["mel"])
