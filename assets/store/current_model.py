"""A partition's current model: ``current.json`` beside the folders of its trainings names one of them."""

from __future__ import annotations

import json
from pathlib import Path

from assets.project.atomic_files import write_text

CURRENT_FILE = "current.json"


def write_current_model(base: Path, folder: str, registered_version: str) -> None:
    """Makes a finished training the current model.

    Args:
        base: ``Home.model(...)``, the folder that holds the partition's trainings.
        folder: name of the training's folder in it.
        registered_version: number of its version in MLflow's registry.
    """
    text = json.dumps({"folder": folder, "registered_version": registered_version})
    write_text(base / CURRENT_FILE, text)


def read_current_model(base: Path) -> Path:
    """Folder of the current model.

    Raises:
        FileNotFoundError: nothing was trained yet.
        ValueError: ``current.json`` is not readable.
    """
    path = base / CURRENT_FILE
    try:
        return base / str(json.loads(path.read_text(encoding="utf-8"))["folder"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not readable ({error!r}); run the training again (cals run)") from error


def find_current_model(base: Path) -> Path | None:
    """Folder of the current model; None where ``current.json`` is missing or not readable."""
    try:
        return read_current_model(base)
    except (FileNotFoundError, ValueError):
        return None
