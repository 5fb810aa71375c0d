"""The job of a training process: config.json, checked before anything is loaded."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cals_models.config.training import TrainingConfig
from cals_models.methods.configs import GENERATOR, TRAINED_STAGES, model_config
from cals_models.methods.registry import trained_method

REQUIRED_INPUTS: dict[str, tuple[str, ...]] = {
    "sync_encoder": (),
    "audio_to_lip": ("sync_encoder",),
    "lse_evaluator": (),
}

OPTIONAL_INPUTS: dict[str, tuple[str, ...]] = {"generator": ("generator",)}
"""A generator that names a trained one continues from its weights."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """One training.

    Args:
        stage: which network.
        method: the method a generator is trained for, else None.
        dataset: name of the dataset, for the record.
        shards: folders with a manifest.json each; it trains on the train splits of all and validates on the val split of
            the first.
        config: the stage's settings.
        inputs: stage -> folder of its trained model.
    """

    stage: str
    method: str | None
    dataset: str
    shards: tuple[Path, ...]
    config: TrainingConfig
    inputs: Mapping[str, Path]

    def as_plain(self) -> dict[str, object]:
        """The job as plain data for JSON, with every setting."""
        return {
            "stage": self.stage,
            "method": self.method,
            "dataset": self.dataset,
            "shards": [str(folder) for folder in self.shards],
            "config": json.loads(json.dumps(asdict(self.config))),
            "inputs": {name: str(folder) for name, folder in sorted(self.inputs.items())},
        }


def required_inputs(stage: str, method: str | None) -> tuple[str, ...]:
    """Stages whose trained models a training needs; a generator those that its method declares."""
    return trained_method(str(method)).inputs if stage == GENERATOR else REQUIRED_INPUTS[stage]


def read_job(path: Path) -> TrainingJob:
    """Reads config.json.

    Raises:
        ValueError: no such file, not JSON, or a field that is missing, unknown or wrong.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; give the job's config.json") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    return job_from_plain(plain, where=str(path))


def job_from_plain(plain: object, *, where: str) -> TrainingJob:
    """Checks a job.

    Raises:
        ValueError: a field is missing, unknown or wrong; names it and what would be right.
    """
    if not isinstance(plain, dict):
        raise ValueError(f"{where}: must be an object with stage, dataset, shards, config")
    unknown = set(plain) - {"stage", "method", "dataset", "shards", "config", "inputs"}
    if unknown:
        raise ValueError(f"{where}: unknown field {sorted(unknown)[0]!r}")
    stage, method = plain.get("stage"), plain.get("method")
    if stage not in TRAINED_STAGES:
        raise ValueError(f"{where}: stage {stage!r}; must be one of {', '.join(TRAINED_STAGES)}")
    if stage == GENERATOR:
        trained_method(str(method))
    elif method is not None:
        raise ValueError(f"{where}: method {method!r}: only the stage generator has methods; leave it null")
    shards = plain.get("shards")
    if not isinstance(shards, list) or not shards or not all(isinstance(folder, str) for folder in shards):
        raise ValueError(f"{where}: shards: {shards!r}; give a list of folders with a manifest.json each")
    config, inputs = plain.get("config", {}), plain.get("inputs") or {}
    if not isinstance(config, dict) or not isinstance(inputs, dict):
        raise ValueError(f"{where}: config and inputs must be objects")
    required = required_inputs(str(stage), method)
    optional = [name for name in OPTIONAL_INPUTS.get(str(stage), ()) if name in inputs]
    for name in (*required, *optional):
        if not isinstance(inputs.get(name), str):
            raise ValueError(f"{where}: inputs.{name} is missing; give the folder of the trained {name}")
    return TrainingJob(
        stage=str(stage),
        method=method,
        dataset=str(plain.get("dataset", "")),
        shards=tuple(Path(folder) for folder in shards),
        config=model_config(str(stage), method, config, where=where),
        inputs={name: Path(inputs[name]) for name in (*required, *optional)},
    )
