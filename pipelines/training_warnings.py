"""What trainings warned of, for who ends a run or uses a model."""

from __future__ import annotations

from pathlib import Path

from assets.models.training_files import RESULT_FILE, read_result
from assets.project.graph import STAGES
from assets.project.home import Home
from assets.store.current_model import find_current_model


def warnings_of(folder: Path) -> dict[str, str]:
    """Warnings of a training, each as it was given last.

    Args:
        folder: of the training; without ``result.json`` there are none on record.

    Returns:
        Name -> text, such as ``copies_reference`` -> what it means and what helps.
    """
    if not (folder / RESULT_FILE).is_file():
        return {}
    found: dict[str, str] = {}
    for warning in read_result(folder)["warnings"]:
        if isinstance(warning, dict):
            found[str(warning["warning"])] = str(warning["text"])
        else:
            found[str(warning)] = str(warning)
    return found


def partition_warnings(home: Home, stage: str, dataset: str, method: str | None) -> dict[str, str]:
    """Warnings of the training behind a partition's current model; none where the stage trains no model."""
    if STAGES[stage].group != "models":
        return {}
    folder = find_current_model(home.model(stage, dataset, method))
    return warnings_of(folder) if folder is not None else {}
