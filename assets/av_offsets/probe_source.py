"""Which probe the settings of a dataset name. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.av_offsets.settings import AvOffsetSettings
from assets.store.current_model import read_current_model

if TYPE_CHECKING:
    from assets.project.settings import Project

NOT_MADE = "not made"


@dataclass(frozen=True, kw_only=True)
class ProbeSource:
    """A probe whose files exist.

    Args:
        kind: `sync_encoder` or `syncnet`.
        path: model folder or weights file.
        digest: sha256 of the weights.
    """

    kind: str
    path: Path
    digest: str


def probe_source(project: Project, dataset: str) -> ProbeSource | None:
    """The probe that a dataset's settings name; None if they name none.

    Raises:
        ValueError: it would measure the data that it was trained on, or its files can't be read.
        FileNotFoundError: its files do not exist; the message says how to get them.
    """
    settings: AvOffsetSettings = project.stage_settings(dataset, "av_offsets")
    if settings.probe == "none":
        return None
    if settings.probe_dataset == dataset:
        raise ValueError(
            f"av_offsets.probe_dataset of {dataset} is {dataset} itself: a probe that learned the offset of "
            "its own data can't find it; name another dataset"
        )
    given = project.config_path.parent / Path(settings.probe_path).expanduser()
    if settings.probe == "syncnet":
        return ProbeSource(kind="syncnet", path=given, digest=_file_digest(given))
    folder = given if settings.probe_path else _trained_folder(project, settings.probe_dataset)
    return ProbeSource(kind="sync_encoder", path=folder, digest=_weights_digest(folder))


def probe_digest(project: Project, dataset: str) -> str:
    """Data version of a dataset's probe: digest of its weights, `none`, or `not made` where it does not exist yet.

    Raises:
        ValueError: the settings name the dataset's own sync encoder.
    """
    try:
        source = probe_source(project, dataset)
    except FileNotFoundError:
        return NOT_MADE
    return "none" if source is None else source.digest


def _trained_folder(project: Project, dataset: str) -> Path:
    project.dataset(dataset)
    try:
        return read_current_model(project.home.model("sync_encoder", dataset))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"av_offsets: the sync encoder of {dataset} was never trained; "
            f"run: cals run --dataset {dataset} --to sync_encoder"
        ) from error


def _weights_digest(folder: Path) -> str:
    try:
        return str(json.loads((folder / "model.json").read_text(encoding="utf-8"))["weights_sha256"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"av_offsets.probe_path: {folder} holds no model.json; give a trained model's folder"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / 'model.json'}: is not readable ({error!r}); train the model again"
        ) from error


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileNotFoundError(
            f"av_offsets.probe_path: {path} can't be read ({error.strerror}); give the file syncnet_v2.model"
        ) from error
