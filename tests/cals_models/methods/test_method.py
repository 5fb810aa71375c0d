"""Methods as data: wrong ones are named, and each sync loss that a method may list is one that the trainer computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from cals_models.methods.lip_to_face import SyncLoss
from cals_models.methods.registry import METHODS
from cals_models.training.sync_losses import SYNC_TERMS


def test_the_trainer_computes_every_sync_loss_that_a_method_may_list() -> None:
    assert set(SYNC_TERMS) == set(get_args(SyncLoss))


def test_names_and_positions_are_unique() -> None:
    assert list(METHODS) == [
        "ground_truth", "copy_reference", "audio2head", "audio2head_true_pose", "pc_avs", "wav2lip", "synctalkface", "a2l",
        "a2l_dav", "cals",
    ]  # fmt: skip
    assert all(method.name == name for name, method in METHODS.items())
    own = [method for method in METHODS.values() if not method.shares_training_of]
    assert len({method.position for method in own}) == len(own)


def test_a_training_is_shared_by_methods_that_train_the_same() -> None:
    for method in METHODS.values():
        if method.shares_training_of:
            other = METHODS[method.shares_training_of]
            assert method.settings_name == (other.settings_name or other.name)
            assert (method.parts, method.inputs, method.needs) == (other.parts, other.inputs, other.needs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio_path": "mel"}, "method cals: audio_path 'mel'; must be one of wav2lip_audio, audio_to_lip"),
        ({"sync_losses": ("d_va",)}, "method cals: sync loss 'd_va'; must be one of wav2lip_sync, d_av, d_vv"),
        ({"sync_losses": ()}, "at least one sync loss"),
        ({"audio_path": "wav2lip_audio"}, "name audio_to_lip as an input where it is the audio path"),
        ({"inputs": ()}, "name audio_to_lip as an input where it is the audio path"),
        ({"draws": "mouth"}, "method cals: draws 'mouth'; must be one of lower_half, whole_crop"),
        ({"pose_from": "video"}, "pose_from 'video'; must be one of pose_prior, target_frame, none"),
        ({"parts": {"generator": "a:b"}}, "parts lack settings, renders; a control has none at all"),
    ],
)  # fmt: skip
def test_wrong_methods_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(METHODS["cals"], **change)
