"""Trained models on disk, by the hash of their weights; read without MLflow, which takes seconds to load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.project.home import Home
from assets.store.current_model import find_current_model
from assets.store.mlflow_tracking import RUN_FILE, VERSION_FILE, registered_name


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """The folder of one finished training.

    Args:
        path: the folder.
        asset, dataset, method: the partition it was trained for.
        weights_sha256: hash of its weights, its data version.
        registered_name, registered_version: in MLflow's registry; the version is None if it was never registered.
        mlflow_run_id: None where no run was opened for it.
        is_current: it is the partition's current model.
    """

    path: Path
    asset: str
    dataset: str
    method: str | None
    weights_sha256: str
    registered_name: str
    registered_version: str | None
    mlflow_run_id: str | None
    is_current: bool

    @property
    def label(self) -> str:
        return "/".join(part for part in (self.asset, self.dataset, self.method) if part)


def training_folders(home: Home) -> Iterator[Path]:
    """Folders of all trainings, finished or not."""
    for path in sorted((home.root / "models").glob("**/config.json")):
        yield path.parent


def partition_of(home: Home, folder: Path) -> tuple[str, str, str | None]:
    """Asset, dataset and method that a training's folder belongs to."""
    dataset, asset, *method = folder.parent.relative_to(home.root / "models").parts
    return asset, dataset, method[0] if method else None


def model_folders(home: Home) -> Iterator[ModelFolder]:
    """Finished trainings; folders with an unreadable result are left out (``cals doctor`` names them)."""
    for folder in training_folders(home):
        try:
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
            weights = str(result["weights_sha256"])
        except (FileNotFoundError, ValueError, KeyError):
            continue
        asset, dataset, method = partition_of(home, folder)
        yield ModelFolder(
            path=folder,
            asset=asset,
            dataset=dataset,
            method=method,
            weights_sha256=weights,
            registered_name=registered_name(asset),
            registered_version=_text(folder / VERSION_FILE),
            mlflow_run_id=_text(folder / RUN_FILE),
            is_current=find_current_model(folder.parent) == folder,
        )


def registered_versions(home: Home) -> dict[str, str]:
    """Hash of weights -> ``name/version`` in MLflow's registry."""
    return {
        model.weights_sha256: f"{model.registered_name}/{model.registered_version}"
        for model in model_folders(home)
        if model.registered_version
    }


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8").strip() if path.exists() else None
