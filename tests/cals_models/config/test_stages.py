"""Settings: both profiles build, and each wrong value gets a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from cals_models.config.profiles import PROFILES
from cals_models.config.stages import config_from_fields
from cals_models.methods.configs import TRAINED_STAGES, model_config
from cals_models.methods.lip_to_face import LipToFaceMethod
from cals_models.methods.registry import (
    DEFAULT_METHODS,
    METHODS,
    TRAINED_METHODS,
    method_of,
    trained_method,
)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("stage", TRAINED_STAGES)
def test_settings_survive_json(stage: str, profile: str) -> None:
    method = "cals" if stage == "generator" else None
    config = model_config(stage, method, PROFILES[profile][stage])
    assert model_config(stage, method, json.loads(json.dumps(asdict(config)))) == config


def test_the_paper_profile_is_the_defaults() -> None:
    assert not any(PROFILES["paper"].values())


@pytest.mark.parametrize(
    ("stage", "values", "message"),
    [
        ("generator", {"stesp": 1}, "generator.stesp: no such setting"),
        ("generator", {"steps": 1.5}, "give a whole number"),
        ("generator", {"steps": True}, "give a whole number"),
        ("generator", {"steps": 0}, "generator.steps is 0; give 1 or more"),
        ("generator", {"widths": [8, 8]}, "6 multiples of 8"),
        ("generator", {"target_frames": 1}, "5 or more"),
        ("generator", {"known_pixels": "both"}, "one of copied, generated"),
        ("generator", {"context_frames": 6}, "target_frames"),
        ("audio_to_lip", {"width": 100, "num_heads": 8}, "multiple of 2"),
        ("audio_to_lip", {"mask_share": 1.0}, r"in \(0, 1\)"),
        ("sync_encoder", {"batch_samples": 3, "samples_per_clip": 2}, "divisor"),
        ("sync_encoder", {"visual_front_stride": 3}, "2 or 4"),
        ("nothing", {}, "not trained"),
    ],
)
def test_wrong_values_are_named(stage: str, values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_config(stage, "cals" if stage == "generator" else None, values)


def test_the_file_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"^run/config\.json: generator\.compile is 'no'; give true or false$"
    ):
        model_config("generator", "cals", {"compile": "no"}, where="run/config.json")


def test_the_evaluator_has_another_seed_than_the_sync_encoder() -> None:
    for profile in PROFILES:
        evaluator, sync_encoder = (
            config_from_fields(stage, PROFILES[profile][stage]) for stage in ("lse_evaluator", "sync_encoder")
        )
        assert evaluator.seed != sync_encoder.seed


def test_methods_are_the_rows_of_table_1_and_two_controls() -> None:
    rows = ("wav2lip", "a2l", "a2l_dav", "cals")
    optional = {"audio2head", "audio2head_true_pose", "pc_avs", "synctalkface"}
    assert {*TRAINED_METHODS} == {*rows, *optional} == {*METHODS} - {"ground_truth", "copy_reference"}
    assert method_of("cals", LipToFaceMethod).sync_losses == ("d_av", "d_vv")
    assert method_of("wav2lip", LipToFaceMethod).audio_path == "wav2lip_audio"
    assert {*DEFAULT_METHODS} == {*rows, "ground_truth", "copy_reference"}
    assert {name for name, method in METHODS.items() if method.is_optional} == optional
    with pytest.raises(ValueError, match="not trained"):
        trained_method("ground_truth")


def test_planners_read_settings_without_torch() -> None:
    code = "import sys, cals_models.config.stages, cals_models.config.profiles, cals_models.methods.registry; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
