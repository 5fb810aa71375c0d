"""Reading a trained generator's folder: as any model's, with the settings class of its method."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from cals_models.config.training import TrainingConfig
from cals_models.methods.configs import GENERATOR, model_config
from cals_models.methods.registry import TRAINED_METHODS
from cals_models.networks.model_files import ModelFiles, load_network, read_model, read_model_as
from cals_models.shards.shard_format import BASE_CROP_PX


def read_generator(folder: Path) -> ModelFiles:
    """Reads a generator of any method.

    Raises:
        ValueError: as `read_model`, or its method is not one that is trained.
    """

    def config_of(plain: Mapping[str, Any], where: str) -> TrainingConfig:
        method = plain.get("method")
        if method not in TRAINED_METHODS:
            raise ValueError(f"{folder}: method {method!r}; must be one of {', '.join(TRAINED_METHODS)}")
        return model_config(GENERATOR, method, plain["config"], where=where)

    return read_model_as(folder, GENERATOR, config_of)


def read_any_model(folder: Path, stage: str) -> ModelFiles:
    """Reads a model of any trained stage; raises as `read_model`."""
    return read_generator(folder) if stage == GENERATOR else read_model(folder, stage)


def continue_from(
    folder: Path, method: str, networks: Mapping[str, nn.Module], crop_px: int = BASE_CROP_PX
) -> None:
    """Loads the weights of a trained generator, from which a training of the same method continues.

    Args:
        folder: of the generator, such as ``job.inputs["generator"]``.
        method: of the training.
        networks: exported name -> network that takes its weights.
        crop_px: side of the crops that they draw.

    Raises:
        ValueError: another method's generator, of other sizes, or of crops of another size.
    """
    base = read_generator(folder)
    if base.method != method:
        raise ValueError(
            f"{folder}: a generator of method {base.method!r}; {method!r} can't continue from it"
        )
    if base.crop_px != crop_px:
        raise ValueError(
            f"{folder}: the {method} generator draws crops of {base.crop_px} px, the shards hold {crop_px} px; give both "
            "datasets the same face_crops.crop_px"
        )
    for name, network in networks.items():
        load_network(network, base.weights.get(name, {}), str(folder))
