"""Reading a trained model's folder: model.json and model.safetensors.

`cals_models.training` writes the format. Nothing in the files is executed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from cals_models.config.stages import config_from_fields
from cals_models.config.training import TrainingConfig
from cals_models.shards.shard_format import BASE_CROP_PX, CROP_SIZES_PX

MODEL_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """A model's files as read.

    Args:
        folder: where they are.
        stage: which network.
        method: of a generator, else None.
        config: settings of the stage.
        plain: all of model.json.
        weights: network -> its state dict.
        crop_px: side of the crops that a generator draws; a model.json without it has one of 128 px.
    """

    folder: Path
    stage: str
    method: str | None
    config: TrainingConfig
    plain: dict[str, Any]
    weights: dict[str, dict[str, Tensor]]
    crop_px: int = BASE_CROP_PX


def read_model(folder: Path, stage: str) -> ModelFiles:
    """Reads a model of a stage that all methods share.

    Raises:
        ValueError: not a model's folder, another stage's, another format, damaged, or the weights are not those that
            model.json was written with.
    """
    return read_model_as(
        folder, stage, lambda plain, where: config_from_fields(stage, plain["config"], where=where)
    )


def read_model_as(
    folder: Path, stage: str, config_of: Callable[[Mapping[str, Any], str], TrainingConfig]
) -> ModelFiles:
    """Reads a model as `read_model` does.

    Args:
        folder: of the model.
        stage: that it must be of.
        config_of: (model.json, its path) -> settings.
    """
    plain = read_description(folder)
    if plain.get("format") != MODEL_FORMAT or plain.get("stage") != stage:
        raise ValueError(
            f"{folder}: holds a model of stage {plain.get('stage')!r}, format {plain.get('format')!r};"
            f" expected {stage!r}, format {MODEL_FORMAT}"
        )
    if not isinstance(plain.get("config"), dict):
        raise ValueError(f"{folder / 'model.json'}: config is missing; train the model again")
    return ModelFiles(
        folder=folder,
        stage=stage,
        method=plain.get("method"),
        config=config_of(plain, str(folder / "model.json")),
        plain=plain,
        weights=_read_weights(folder / "model.safetensors", plain.get("weights_sha256")),
        crop_px=_crop_px(folder, plain),
    )


def crop_px_of(folder: Path) -> int:
    """Side of the crops that the generator in a folder draws, read from its model.json alone.

    Raises:
        ValueError: no readable model.json there, or a size that there is not.
    """
    return _crop_px(folder, read_description(folder))


def _crop_px(folder: Path, plain: Mapping[str, Any]) -> int:
    crop_px = plain.get("crop_px", BASE_CROP_PX)
    if crop_px not in CROP_SIZES_PX:
        sizes = " or ".join(map(str, CROP_SIZES_PX))
        raise ValueError(
            f"{folder / 'model.json'}: crop_px is {crop_px!r}; expected {sizes}; copy the model again"
        )
    return int(crop_px)


def load_network(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Loads a network's weights strictly.

    Args:
        network: built with the settings that the weights were trained with.
        weights: its state dict.
        what: for messages, such as the model's folder.

    Raises:
        ValueError: they are another network's.
    """
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(
            f"{what}: the weights are another network's ({reason}); train the model again"
        ) from error


def read_description(folder: Path) -> dict[str, Any]:
    """What model.json says of the model in a folder.

    Raises:
        ValueError: no readable model.json there, or it holds no object.
    """
    path = folder / "model.json"
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: no readable model.json ({error}); give a folder that training wrote"
        ) from error
    if not isinstance(plain, dict):
        raise ValueError(f"{path}: must hold an object; give a folder that training wrote")
    return plain


def _read_weights(path: Path, sha256: object) -> dict[str, dict[str, Tensor]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be read ({error.strerror}); give a folder that training wrote"
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(
            f"{path}: damaged, or not the weights that model.json describes; copy the model again"
        )
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file ({error}); copy the model again") from error
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        network, _, key = name.partition(".")
        networks.setdefault(network, {})[key] = tensor
    return networks
