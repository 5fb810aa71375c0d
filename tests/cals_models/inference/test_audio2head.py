"""An opened Audio2Head: whose pose and audio it follows, long and short clips, folders and shapes that are rejected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cals_models.inference.audio2head import Audio2HeadGenerator, load_audio2head
from cals_models.inference.frame_generator import open_generator
from cals_models.mel_windows import SILENCE
from cals_models.shards.shard_set import ShardSet
from cals_models.training.__main__ import main
from tests.cals_models.training.talking_shards import face_landmarks, write_talking_shards

CONFIG = {
    "steps": 2, "warmup_steps": 1, "batch_samples": 2, "window_samples": 1, "window_frames": 16, "validation_clips": 1,
    "detector_widths": [8, 8, 8], "dense_motion_widths": [8, 8, 8], "renderer_widths": [8, 8], "renderer_blocks": 1,
    "audio_width": 8, "hourglass_width": 8, "pose_width": 32, "precision": "fp32",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that the command line trained."""
    home = tmp_path_factory.mktemp("model")
    shards = write_talking_shards(home / "shards", landmarks=face_landmarks(36))
    job = {
        "stage": "generator", "method": "audio2head", "dataset": "made", "shards": [str(shards)], "config": CONFIG,
        "inputs": {},
    }  # fmt: skip
    (home / "config.json").write_text(json.dumps(job))
    arguments = ["generator", "--config", str(home / "config.json"), "--out", str(home / "out")]
    assert main([*arguments, "--device", "cpu", "--quiet"]) == 0
    return home / "out"


@pytest.fixture(scope="module")
def generator(folder: Path) -> Audio2HeadGenerator:
    """The model, with heads of random weights, so that audio and pose make a difference."""
    opened = load_audio2head(folder, precision="fp32")
    torch.manual_seed(0)
    torch.nn.init.normal_(opened.model.motion.keypoints.head.weight, std=0.05)
    torch.nn.init.normal_(opened.model.motion.pose.head.weight, std=0.05)
    torch.nn.init.normal_(opened.model.reader.head.weight, std=0.05)
    return opened


@pytest.fixture(scope="module")
def given(folder: Path) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """True frames, references that change in the middle, mel."""
    clip = next(ShardSet(folder.parent / "shards").clips("test"))
    frames = torch.from_numpy(clip.frames(range(36)))
    return frames, frames[[30] * 18 + [5] * 18], torch.from_numpy(clip.mel)


def test_a_folder_is_opened_by_its_method(folder: Path) -> None:
    opened = open_generator(folder)
    assert isinstance(opened, Audio2HeadGenerator)
    assert (opened.method, opened.dataset, opened.crop_px, opened.window_frames) == (
        "audio2head",
        "made",
        128,
        16,
    )
    assert opened.speech_level is not None and -5 < opened.speech_level < 0
    assert not any(parameter.requires_grad for parameter in opened.model.parameters())


def test_the_pose_prior_is_not_seen_and_the_target_gives_the_pose_alone(
    generator: Audio2HeadGenerator, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    frames, reference, mel = given
    own = generator.render(frames, reference, mel)
    assert own.shape == frames.shape and own.dtype == torch.uint8
    assert torch.equal(own, generator.render(torch.zeros_like(frames), reference, mel))
    true = generator.render(frames, reference, mel, target=frames)
    assert not torch.equal(own, true)
    mouths = frames.clone()
    mouths[:, 64:] = 0
    assert torch.equal(true, generator.render(frames, reference, mel, target=mouths))
    heads = frames.clone()
    heads[:, :64] = 0
    assert not torch.equal(true, generator.render(frames, reference, mel, target=heads))


def test_silenced_frames_are_those_of_silence(
    generator: Audio2HeadGenerator, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    frames, reference, mel = given
    valid = torch.ones(36, dtype=torch.bool)
    valid[10:20] = False
    silent = mel.clone()
    silent[:, 40:80] = SILENCE
    masked = generator.render(frames, reference, mel, mel_valid_mask=valid)
    assert torch.equal(masked, generator.render(frames, reference, silent))
    assert not torch.equal(masked, generator.render(frames, reference, mel))


@pytest.mark.parametrize("num_frames", [1, 3, 16, 36])
def test_clips_of_any_length_and_batches_of_any_size(
    generator: Audio2HeadGenerator, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor], num_frames: int
) -> None:
    frames, reference, mel = (given[0][:num_frames], given[1][:num_frames], given[2][:, : 4 * num_frames])
    many = generator.render(frames, reference, mel, target=frames, batch_frames=25)
    few = generator.render(frames, reference, mel, target=frames, batch_frames=7)
    assert many.shape == frames.shape
    assert (many.int() - few.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": torch.zeros(4, 64, 64, 3, dtype=torch.uint8)}, r"reference \(4, 64, 64, 3\)"),
        ({"target": torch.zeros(4, 128, 128, 3)}, r"target \(4, 128, 128, 3\) torch.float32: expected"),
        ({"mel": torch.zeros(80, 15)}, r"mel \(80, 15\) for 4 frames: expected \(80, 4T\)"),
        ({"mel_valid_mask": torch.zeros(4)}, r"mel_valid_mask \(4,\) torch.float32: expected \(4,\) bool"),
        ({"batch_frames": 0}, "batch_frames is 0; give 1 or more"),
    ],
)
def test_what_does_not_fit_is_rejected(
    generator: Audio2HeadGenerator, change: dict[str, object], message: str
) -> None:
    crops = torch.zeros(4, 128, 128, 3, dtype=torch.uint8)
    arguments = {"pose_prior": crops, "reference": crops, "mel": torch.zeros(80, 16), **change}
    with pytest.raises(ValueError, match=message):
        generator.render(**arguments)  # type: ignore[arg-type]


def test_a_folder_of_another_model_is_rejected(folder: Path, tmp_path: Path) -> None:
    for name in ("model.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    plain = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**plain, "method": "cals", "config": {}}))
    with pytest.raises(ValueError, match="a model of method 'cals', not of audio2head"):
        load_audio2head(tmp_path)
    wider = {**plain["config"], "pose_width": 64}
    (tmp_path / "model.json").write_text(json.dumps({**plain, "config": wider}))
    with pytest.raises(ValueError, match="the weights are another network's"):
        load_audio2head(tmp_path)


def test_a_training_continues_from_a_model(folder: Path, tmp_path: Path) -> None:
    job = json.loads((folder.parent / "config.json").read_text())
    job |= {"inputs": {"generator": str(folder)}, "config": {**CONFIG, "learning_rate": 1e-12, "motion_learning_rate": 1e-12}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(job))
    arguments = ["generator", "--config", str(tmp_path / "config.json"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--device", "cpu", "--quiet"]) == 0
    before, after = (load_audio2head(place).model for place in (folder, tmp_path / "out"))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(before.parameters(), after.parameters(), strict=True))  # fmt: skip


def test_precision_and_device_are_kept(folder: Path) -> None:
    opened = replace(load_audio2head(folder, "cpu", precision="auto"), dataset="other")
    assert (opened.precision, opened.device.type, opened.dataset) == ("auto", "cpu", "other")
